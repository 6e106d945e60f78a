import { setTimeout } from 'node:timers/promises';
import type { Keys } from './routes.ts';

/** A command with a common mistake, as it stands in many ACR Tasks. */
const MISTAKEN = { filter: '^.*:[^F|f]eature[-0-9]*$', ago: '30d', untagged: true, keep: 1 };
/** Some of the sample's images: few enough for all guards. */
const SOME = { filter: 'microtodo-frontendapi:^pr-', ago: '38d', untagged: true };
/** All tags of a repository: a guard holds the plan back. */
const ALL = { filter: 'tools/load-test:.*', ago: '30d', untagged: true };

/**
 * Makes the app record some runs for the review page: dry runs, a plan that is applied, one that waits for approval, and
 * the scheduled purge.
 */
export async function recordSampleRuns(url: string, keys: Keys): Promise<void> {
  const post = async (path: string, body?: object): Promise<{ readonly summary?: Summary }> => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'x-functions-key': keys.master, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return text === '' ? {} : (JSON.parse(text) as { readonly summary?: Summary });
  };
  const plan = async (purge: object): Promise<string> => (await post('/api/dry-run', purge)).summary?.runId ?? '';
  await plan(MISTAKEN);
  await post(`/api/plans/${await plan(SOME)}/apply`);
  await post(`/api/plans/${await plan(ALL)}/apply`);
  await post('/admin/functions/scheduledPurge');
  // The host does not say when the purge has ended; its record does.
  let ended = false;
  while (!ended) {
    await setTimeout(50);
    const response = await fetch(`${url}/api/runs?kind=scheduled&code=${keys.master}`);
    const { runs } = (await response.json()) as { readonly runs: readonly { readonly state: string }[] };
    ended = runs[0] !== undefined && runs[0].state !== 'running';
  }
}

interface Summary {
  readonly runId: string;
}
