import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Store } from '../../src/ledger/store/store.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { counts } from '../simulation/invariants/run-rules.ts';
import { reference } from '../support/registry.ts';

export interface Question {
  readonly ledger: Ledger;
  readonly registry: string;
  /** `repo:tag` and `repo@digest`. */
  readonly had: readonly string[];
  readonly left: ReadonlySet<string>;
  /** What no client can pull, in order. */
  readonly unreadable?: readonly string[];
}

interface Told {
  readonly run: RunRecord;
  readonly decision: Decision;
}

/** Everything that a ledger tells of the runs at a registry, by artifact. */
export async function tellings({ ledger, registry }: Pick<Question, 'ledger' | 'registry'>) {
  const byReference = new Map<string, Told[]>();
  const runs: { readonly run: RunRecord; readonly decisions: readonly Decision[] }[] = [];
  for await (const run of ledger.runs({ registry })) {
    const decisions: Decision[] = [];
    for await (const decision of ledger.decisions(run.id)) {
      decisions.push(decision);
      const told = byReference.get(reference(decision)) ?? [];
      byReference.set(reference(decision), [...told, { run, decision }]);
    }
    runs.push({ run, decisions });
  }
  return { runs, byReference };
}

/** In words, what a ledger says otherwise than the registry, at any time. */
export async function contradictions(question: Question): Promise<readonly string[]> {
  const { byReference } = await tellings(question);
  const known = new Set((await entriesIn(question)).map(({ name }) => name));
  const { unreadable = [] } = question;
  const unknown = unreadable
    .filter((name) => !known.has(name))
    .map((name) => `${name} is unreadable, and the ledger does not know of it`);
  const told = [...byReference].flatMap(([name, told]) => {
    const deletions = told.filter(isDeleted);
    return [
      ...(deletions.length > 1 ? [`${name} was deleted ${deletions.length} times: ${words(told)}`] : []),
      ...(deletions.length > 0 && question.left.has(name) ? [`${name} was deleted, and is there: ${words(told)}`] : []),
    ];
  });
  return [...unknown, ...told];
}

/** What is in quarantine by the ledger. */
async function entriesIn({ ledger, registry }: Pick<Question, 'ledger' | 'registry'>) {
  const all = await Array.fromAsync(ledger.quarantines(registry));
  return all.flatMap(({ repository, entries }) =>
    entries.map(({ kind, tag = '', digest, state }) => ({
      name: kind === 'tag' ? `${repository}:${tag}` : `${repository}@${digest}`,
      state,
    })),
  );
}

/** The same, and what is missing or unfinished in it, once everything is done. */
export async function disagreements(question: Question & { readonly store: Store }): Promise<readonly string[]> {
  const { store, registry, had, left, unreadable = [] } = question;
  const problems = [...(await contradictions(question))];
  const { runs, byReference } = await tellings(question);
  for (const { name, state } of await entriesIn(question)) {
    if (!unreadable.includes(name))
      problems.push(`${name} is in quarantine by the ledger, and can be pulled, or is gone`);
    if (state !== 'quarantined') problems.push(`${name} is ${state} by the ledger`);
    const told = byReference.get(name) ?? [];
    if (!told.some(isQuarantined)) problems.push(`${name} is in quarantine, and no run says so: ${words(told)}`);
  }
  for (const name of had.filter((one) => !left.has(one))) {
    const told = byReference.get(name) ?? [];
    if (!told.some(isDeleted)) problems.push(`${name} is gone, and no run says that it deleted it: ${words(told)}`);
  }
  for (const { run, decisions } of runs) {
    if (run.ended === undefined) problems.push(`the run ${run.id} is still running`);
    const seen = new Set(decisions.map(reference));
    if (seen.size < decisions.length)
      problems.push(`the run ${run.id} has ${decisions.length} decisions on ${seen.size}`);
    for (const kind of ['tag', 'manifest'] as const) {
      const { deleted, kept, failed, notAttempted, alreadyGone, quarantined } = run.totals?.[`${kind}s`] ?? {};
      const told = JSON.stringify({ deleted, kept, failed, notAttempted, alreadyGone, quarantined });
      const counted = JSON.stringify(counts(decisions.filter((decision) => decision.kind === kind)));
      if (told !== counted) problems.push(`the run ${run.id} has ${kind}s ${told}, and decisions ${counted}`);
    }
    for await (const path of store.list(`runs/${run.id}/journal/`)) problems.push(`${path} is left`);
  }
  for await (const path of store.list('open/')) {
    const id = path.split('/').at(-1) ?? '';
    if ((await question.ledger.run(id))?.registry === registry) problems.push(`${path} is left`);
  }
  return problems;
}

function isDeleted({ decision }: Told): boolean {
  return decision.action === 'delete' && decision.outcome === 'deleted';
}

function isQuarantined({ decision }: Told): boolean {
  return decision.action === 'delete' && decision.outcome === 'quarantined';
}

function words(told: readonly Told[]): string {
  const said = told.map(({ run, decision }) => {
    const became =
      decision.action === 'keep' ? `kept (${decision.reason})` : [decision.outcome, decision.error?.message].join(' ');
    return `${run.id} (${run.kind}, ${run.state}): ${became.trim()}`;
  });
  return said.length === 0 ? 'no run tells of it' : said.join('; ');
}
