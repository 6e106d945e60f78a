import { setTimeout } from 'node:timers/promises';
import { planHashOf } from './ledger/hash.ts';
import type { Ledger, OpenRepository, RunWriter } from './ledger/ledger.ts';
import type { RepositoryRecord } from './ledger/types.ts';
import { type Decision, keyOf } from './planner/decision.ts';
import type { Registry } from './registry/types.ts';
import type { RunLog } from './report/log.ts';
import { summarize, total, unfinishedRepository } from './report/summary.ts';

/** How long the registry may take to carry out what a process asked for before it ended, in milliseconds. */
const LATE_MS = 2_000;

/**
 * Completes the records of runs that ended before they were done, however they ended: of each deletion that was intended
 * and of which nobody recorded what became, the registry is asked. To be called by whoever holds the registry's lock.
 *
 * @returns what there is to say about it
 * @throws {LedgerError | RegistryError} where that cannot be found out: then nothing new may be begun
 */
export async function recover(ledger: Ledger, registry: Registry, log: RunLog | undefined): Promise<readonly string[]> {
  const warnings: string[] = [];
  // Not from the last intent on: what one announces is asked for bit by bit, the last of it perhaps just now.
  const settling = Date.now() + LATE_MS;
  for (const id of await ledger.unfinished(registry.loginServer)) {
    const record = await ledger.run(id);
    if (!record) continue;
    const written = await ledger.reopen(record);
    let settled = 0;
    let deleted = 0;
    for await (const open of ledger.journals(id)) {
      const found = await settle(registry, open, await decisionsIn(ledger, id, open), settling);
      settled += open.open.size;
      deleted += found.filter((decision) => open.open.has(keyOf(decision)) && isDeleted(decision)).length;
      await close(written, open.repository, found);
    }
    const records: RepositoryRecord[] = [];
    for await (const one of ledger.repositories(id)) records.push(one);
    const deletions = records.reduce((all, { planned }) => all + planned.deletions, 0);
    await written.end(
      {
        state: record.state === 'running' ? 'interrupted' : record.state,
        ended: record.ended ?? new Date().toISOString(),
        totals: total(records.map(({ summary }) => summary)),
        ...(deletions > 0 && { plan: { hash: planHashOf(record, records), deletions, state: 'waiting' as const } }),
      },
      records,
    );
    log?.recovered(id, settled, deleted);
    warnings.push(
      `the run ${id} had ended before it was done; of ${settled} deletions under way then, ${deleted} had taken place`,
    );
  }
  return warnings;
}

/** Decisions as they were recorded before the repository was carried out, with what is known of it since. */
async function decisionsIn(
  ledger: Ledger,
  id: string,
  { repository, decisions }: OpenRepository,
): Promise<readonly Decision[]> {
  const found: Decision[] = [];
  for await (const decision of ledger.decisions(id, { repository }))
    found.push(decisions.get(keyOf(decision)) ?? decision);
  return found;
}

async function settle(
  registry: Registry,
  { repository, open }: OpenRepository,
  decisions: readonly Decision[],
  from: number,
): Promise<readonly Decision[]> {
  // Where the repository was closed, and its journal is left, it is known.
  const asked = decisions.filter(
    (decision) => open.has(keyOf(decision)) && decision.action === 'delete' && decision.outcome === 'not-attempted',
  );
  if (asked.length === 0) return decisions;
  await setTimeout(Math.max(0, from - Date.now()));
  const listed = await registry.manifests(repository);
  // One by one: a listing does not show what is hidden.
  const names = asked.flatMap(({ kind, tag }) => (kind === 'tag' && tag !== undefined ? [tag] : []));
  const tags = await registry.lookAtTags(repository, names, Infinity);
  const results = new Map<string, Decision>();
  for (const decision of asked) {
    if (decision.action !== 'delete') continue;
    const { kind, tag = '', digest = '' } = decision;
    const now = kind === 'tag' ? tags.get(tag) : undefined;
    const manifest =
      kind === 'manifest' && !listed?.byDigest.has(digest) && (await registry.manifest(repository, digest));
    const isGone = kind === 'tag' ? !now : manifest !== false && manifest.state === 'missing';
    if (isGone) results.set(keyOf(decision), { ...decision, outcome: 'deleted' });
    else if (manifest !== false && manifest.state === 'unreadable')
      results.set(keyOf(decision), { ...decision, outcome: 'failed', error: { message: doubt(manifest.why) } });
    else if (now && now.digest !== decision.digest)
      results.set(keyOf(decision), {
        ...decision,
        outcome: 'failed',
        error: { message: doubt(`it names ${now.digest ?? 'another manifest'} now`) },
      });
    else results.set(keyOf(decision), { ...decision, outcome: 'not-attempted', error: { message: ENDED } });
  }
  return decisions.map((decision) => results.get(keyOf(decision)) ?? decision);
}

const ENDED = 'the process ended before it was done';

function doubt(why: string): string {
  return `${ENDED}, and nobody can say whether it was deleted: ${why}`;
}

async function close(written: RunWriter, repository: string, decisions: readonly Decision[]): Promise<void> {
  const isOpen = decisions.some((decision) => decision.action === 'delete' && decision.outcome === 'not-attempted');
  const summary = isOpen
    ? unfinishedRepository(repository, 'stopped', { message: ENDED }, decisions)
    : summarize(repository, decisions);
  await written.repository(repository).recovered(summary, decisions);
}

function isDeleted(decision: Decision): boolean {
  return decision.action === 'delete' && decision.outcome === 'deleted';
}
