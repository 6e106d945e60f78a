import { wantedOf as wantedBy } from '../../../src/engine/scheduled.ts';
import {
  CancelRefused,
  HeldError,
  LedgerError,
  Misconfigured,
  PlanRefused,
  RegistryError,
  ResumeRefused,
  Unreadable,
} from '../../../src/index.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { policiesOf } from '../../../src/ledger/policy-record.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { RegistryOutcome } from '../../../src/ledger/summary.ts';
import { disagreements, missingLocks } from './agreement.ts';
import { beyondAcrPurge, broken } from './broken.ts';
import { type Answered, type BrokenOff, unsaid, writtenOver } from './endings.ts';
import type { History, Recorded } from './history.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { againstUse } from './in-use.ts';
import { checkChange, nameOf } from './invariants.ts';
import { valueAt } from './lives.ts';
import { sentAtLocked } from './locked.ts';
import { quarantineProblems, type Surroundings, timesAsKnown } from './quarantine.ts';
import { quarantineLeft, quarantineTold } from './quarantine-left.ts';
import type { Command } from './oracle.ts';
import { HOST } from '../registry/registry.ts';
import {
  type Cancelled,
  forbiddenChanges,
  forgottenCancellations,
  type Rejected,
  unapproved,
  unfinished,
  unguarded,
  untruths,
} from './run-rules.ts';
import { REJECT } from '../story/app.ts';
import { configurationOf } from '../story/setup.ts';
import { type Asked, isPerson, type Story } from '../story/story.ts';
import { imageOf, runsIn, type Told, unfinishedIn } from './told.ts';
import type { Wanted } from './wanted.ts';
import type { Kind } from '../world/draws.ts';

/** What the product may answer to what it is asked. Anything else is a fault of it. */
const EXPECTED = [
  CancelRefused,
  HeldError,
  LedgerError,
  Misconfigured,
  PlanRefused,
  RegistryError,
  ResumeRefused,
  Unreadable,
];

/** What did not hold in a story, in words. */
export async function whatIsWrong(story: Story): Promise<readonly string[]> {
  const { registry, stores, asked } = story;
  const { history } = registry;
  const store = stores.now();
  const runs = await runsIn(openLedger(store), HOST).catch(unreadable);
  if ('problem' in runs) return [...story.problems, runs.problem];
  const cancelled = cancelledIn(story);
  timesAsKnown(history, story.watch.quarantines, story.setup);
  const changes = history.changes.flatMap((recorded) => [
    ...announcementProblems(story, recorded),
    ...checkChange(history, recorded, wantedOf(story, runs, recorded)),
    ...quarantineProblems(recorded, surroundingsOf(story, runs, recorded)),
  ]);
  const files = await Array.fromAsync(openLedger(store).quarantines(HOST));
  return [
    ...story.problems,
    ...story.conduct.problems,
    ...outdated(story, runs),
    ...doubts(history, runs),
    ...asked.flatMap(unexpected),
    ...changes,
    ...quarantineLeft({ history, files, runs }),
    ...quarantineTold(history, runs),
    ...broken(history),
    ...runs.flatMap((told) => beyond(story, told)),
    ...disagreements(history, runs),
    ...missingLocks(history, runs),
    ...sentAtLocked(
      history,
      story.conduct.sent.filter(({ isDeleting }) => isDeleting),
    ),
    ...(story.cluster ? againstUse(story.cluster, history, runs) : []),
    ...untruths(runs.map((told) => (story.watch.overdue.has(told.run.id) ? uncounted(told) : told))),
    ...unsaid(runs, brokenOff(story)),
    ...writtenOver(
      runs,
      asked.flatMap(answered).filter(({ id }) => !story.watch.overdue.has(id)),
    ),
    ...unfinished(runs, { files: await unfinishedIn(store, (path) => story.watch.isLate(path)), locks: stores.held() }),
    ...forbiddenChanges(history, runs, cancelled),
    ...forgottenCancellations(runs, cancelled),
    ...unguarded(history, runs, approvedIn(asked)),
    ...unapproved(history, runs, rejectedIn(asked)),
  ];
}

/** A run without its totals: its record may be of before another process resumed it, see `Watch.overdue`. */
function uncounted(told: Told): Told {
  const { totals, ...run } = told.run;
  return { ...told, run };
}

/** Nothing else can be said of a ledger that cannot be read once all is over. */
function unreadable(error: unknown): { readonly problem: string } {
  if (!(error instanceof LedgerError)) throw error;
  return { problem: error.message };
}

function unexpected({ what, process, state }: Asked): readonly string[] {
  if (state === 'under way' || !('error' in state)) return [];
  const { error } = state;
  if (EXPECTED.some((one) => error instanceof one)) return [];
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [`${process.name}: ${what} failed in a way that the product does not know: ${stack}`];
}

/** A deletion is announced in the ledger, durably, before it is sent. */
function announcementProblems({ watch }: Story, { change }: Recorded): readonly string[] {
  const { by, kind, repository } = change;
  if (by === 'others' || (kind !== 'delete-tag' && kind !== 'delete-manifest')) return [];
  const key = kind === 'delete-tag' ? `:${change.tag}` : `@${change.digest}`;
  const intent = watch.intent(by.process, repository, key, by.sentAt);
  if (intent && intent.durableAt <= by.sentAt) return [];
  return [`${nameOf(change)}: ${kind} by ${by.process} was sent before the ledger said that it would be`];
}

/** What is known of a request besides its change, as far as the quarantine goes. */
function surroundingsOf(story: Story, runs: readonly Told[], recorded: Recorded): Surroundings {
  const { by } = recorded.change;
  const [run, process, sentAt] = by === 'others' ? [] : [by.run, by.process, by.sentAt];
  const told = runs.find((one) => one.run.id === run);
  const name = nameOf(recorded.change);
  const sent = story.conduct.sent.findLast(
    (one) => one.process.name === process && one.at === sentAt && `${one.repository}${one.key}` === name,
  );
  return {
    history: story.registry.history,
    written: story.watch.quarantines,
    wanted: wantedOf(story, runs, recorded),
    isOn: (told && policiesOf(told.run.policy))?.some(({ quarantine }) => (quarantine?.milliseconds ?? 0) > 0) ?? false,
    clock: sent?.clock ?? 0,
  };
}

/** What the run of a change may delete; nothing where there is no such run. */
function wantedOf(story: Story, runs: readonly Told[], { change }: Recorded): Wanted {
  const run = change.by === 'others' ? undefined : change.by.run;
  const told = runs.find((one) => one.run.id === run);
  const since = story.watch.begun.get(told?.run.applies ?? run ?? '') ?? 0;
  if (!told || told.run.dryRun) return { commands: [], agesFrom: 0, since };
  const plan = told.run.applies === undefined ? undefined : runs.find((one) => one.run.id === told.run.applies);
  return {
    commands: commandsOf(told.run),
    agesFrom: Date.parse(told.run.agesFrom),
    since,
    ...(plan && { approved: new Set(plan.decisions.filter(({ action }) => action === 'delete').map(imageOf)) }),
  };
}

function beyond({ registry, watch }: Story, { run }: Told): readonly string[] {
  const [command, another] = commandsOf(run);
  const since = watch.begun.get(run.id);
  if (!command || another || since === undefined || run.applies !== undefined) return [];
  return beyondAcrPurge(registry.history, { run: run.id, command, agesFrom: Date.parse(run.agesFrom), since });
}

function commandsOf({ policy }: RunRecord): readonly Command[] {
  return (policiesOf(policy) ?? []).map(({ filters, agoMilliseconds, keep, tags, untagged, includeLocked }) => ({
    filters: filters.map(({ text }) => text),
    agoMilliseconds,
    keep,
    tags,
    untagged,
    includeLocked,
  }));
}

/** A repository is begun with right after its lock is taken; a store may be slow. */
const BEGUN_MS = 30_000;

/** What was deleted against the settings as they were when the process came to the repository. */
function outdated({ setup, conduct, changed, watch }: Story, runs: readonly Told[]): readonly string[] {
  const [before, after] = setup.settings.map(({ environment }) => environment);
  const isOtherCommand = before?.['PURGE_COMMAND'] !== after?.['PURGE_COMMAND'];
  const { settings } = configurationOf(setup.settings[1]);
  const [wanted] = settings.registries.map((registry) => wantedBy(settings, registry).policyHash);
  return conduct.sent.flatMap(({ process, repository, key, at, lockedAt, isDeleting }) => {
    if (isPerson(process) || at > changed.atLast) return [];
    const isBefore = at < changed.byPerson;
    // A worker reads the settings after it has the lock, and a whole run before.
    if (!isBefore && (setup.driver === 'inline' || lockedAt < changed.byPerson + BEGUN_MS)) return [];
    const isDryRun = (isBefore ? before : after)?.['PURGE_DRY_RUN'] === 'true';
    if (isDryRun) return [`${repository}${key} was deleted, and the settings want a dry run`];
    const id =
      (isDeleting
        ? watch.intent(process.name, repository, key, at)?.run
        : watch.hiding(process.name, repository, key)) ?? '';
    const run = runs.find((one) => one.run.id === id)?.run;
    // One that is begun again, because the answer was lost, takes the settings as they are by then.
    const isOld =
      (watch.begun.get(id) ?? Infinity) < changed.byPerson && run?.kind === 'scheduled' && run.policy.hash !== wanted;
    if (isBefore || !isOtherCommand || !isOld) return [];
    return [`${repository}${key} was deleted by ${id}, which the settings do not want any more`];
  });
}

/** Runs that say that all was done, and not that they kept something because they could not read what may need it. */
function doubts(history: History, runs: readonly Told[]): readonly string[] {
  return runs.flatMap(({ run, decisions }) => {
    if (run.state !== 'done') return [];
    const kept = decisions.find(
      (one) =>
        one.action === 'keep' &&
        one.reason === 'unreadable' &&
        one.beyondAcrPurge &&
        // Another run deleted it while this one looked: there is nothing to be read any more.
        !one.detail.includes('does not find it') &&
        // What is gone, or hidden, is not decided about any more.
        isListedAt(history, one, Date.parse(run.ended ?? '')) &&
        !run.warnings.some((warning) => warning.includes(one.repository)),
    );
    return kept ? [`${run.id} is done, and does not say that ${imageOf(kept)} is kept for want of an answer`] : [];
  });
}

function isListedAt(history: History, { repository, digest = '' }: Decision, time: number): boolean {
  const lives = history.repositories.get(repository)?.manifests.get(digest) ?? [];
  return lives.some(({ until, attributes }) => until > time && valueAt(attributes, time)?.listEnabled !== false);
}

/** With these, a run that breaks off may not be able to record it. */
const OF_LEDGER: readonly Kind[] = [
  'store-error',
  'store-lost-answer',
  'store-slow',
  'store-full',
  'torn-write',
  'freeze',
];

/** What ticks of the timer began that broke off because of the registry. */
function brokenOff({ asked, world }: Story): readonly BrokenOff[] {
  if (world.draws.taken.some(({ kind }) => OF_LEDGER.includes(kind))) return [];
  return asked.flatMap(({ by, state }) => {
    const error = typeof state === 'object' && 'error' in state ? state.error : undefined;
    return by !== undefined && error instanceof RegistryError ? [{ by, message: error.message }] : [];
  });
}

/** The run that a tick of the timer was told of once it had ended, where one process does a whole run. */
function answered({ by, state }: Asked): readonly Answered[] {
  if (by === undefined || state === 'under way' || !('result' in state) || !Array.isArray(state.result)) return [];
  return (state.result as readonly RegistryOutcome[]).flatMap((one) =>
    'summary' in one ? [{ id: one.summary.runId, by, succeeded: one.summary.succeeded }] : [],
  );
}

/** The runs that a person cancelled, and was told that they will end. */
function cancelledIn({ asked, watch }: Story): readonly Cancelled[] {
  return asked.flatMap(({ what, state }) => {
    if (what !== 'cancel' || state === 'under way' || 'error' in state) return [];
    const { id } = state.result as { readonly id?: string };
    return id === undefined ? [] : [{ run: id, at: state.at, hidden: watch.hidden.filter(({ run }) => run === id) }];
  });
}

/** The plans that a person rejected, and was told so. */
function rejectedIn(asked: readonly Asked[]): readonly Rejected[] {
  return asked.flatMap(({ what, state }) => {
    if (what !== REJECT || state === 'under way' || 'error' in state) return [];
    const { id } = state.result as { readonly id?: string };
    return id === undefined ? [] : [{ plan: id, at: state.at }];
  });
}

/** The runs whose plans a person approved. */
function approvedIn(asked: readonly Asked[]): ReadonlySet<string> {
  return new Set(asked.flatMap(({ approves }) => (approves === undefined ? [] : [approves])));
}
