import type { Attributes, RegistryState } from '../../../src/dev/emulator/index.ts';
import { type Built, cosignSignature, image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import { repositoryOf, type Stored } from '../../support/contents.ts';
import { type ByProcess, type Change, History, type What } from './history.ts';
import { checkChange } from './invariants.ts';
import { commandOf } from './oracle.ts';
import { describeRules, type TriedRule } from './tried-rules.ts';
import type { Wanted } from './wanted.ts';

/*
 * Small histories, written by hand: one repository, what others do in it, and one request of a process.
 */

export const BEGUN = Date.parse('2026-03-01T00:00:00Z');
/** When the request is sent; the look that it rests on may be 5 seconds older. */
export const SENT = BEGUN + 60_000;

export const LOCKED = { deleteEnabled: false };
export const HIDDEN = { listEnabled: false };

export const [one, two, three] = [image('one'), image('two'), image('three')];
export const platform = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
export const multi = index([platform]);
export const sbom = referrer(one, 'application/spdx+json', 'sbom');
export const signature = cosignSignature(one);

export const FLAGS = ['--filter', 'app:^(?:dev|sha256)', '--ago', '30d', '--untagged'];

export function wanting(flags: readonly string[] = FLAGS, more: Partial<Wanted> = {}): Wanted {
  return { commands: [commandOf(flags)], agesFrom: BEGUN, since: BEGUN, ...more };
}

/** Forty days old. */
export const old = (built: Built, ...tags: readonly string[]): Stored => ({ built, days: 40, tags });

/** What others do, so many seconds before the request is sent; negative: after it. */
type Before = readonly [seconds: number, what: What];

interface OneChange {
  readonly has: readonly Stored[];
  readonly before?: readonly Before[];
  readonly does: What;
  readonly wanted?: Wanted;
  /** The repository is locked as a whole. */
  readonly locked?: boolean;
  /** Seconds that the request is on its way. */
  readonly late?: number;
}

/** A story that keeps a rule, and one like it that breaks it. */
export interface Rule {
  readonly right: OneChange;
  readonly wrong: OneChange;
  readonly because: RegExp;
}

/** What is wrong with the change that the process makes. */
function problemsOf(story: OneChange): readonly string[] {
  const { has, before = [], does, wanted = wanting(), locked = false, late = 0 } = story;
  const history = begin(has, locked);
  for (const [seconds, what] of before) history.record(byOthers(SENT - seconds * 1000, what));
  return checkChange(history, history.record(byWorker(SENT + late * 1000, does, SENT)), wanted);
}

/** Tries rules about one change. */
export function describeChanges(rules: Readonly<Record<string, Rule>>): void {
  const tried = Object.entries(rules).map(([name, { right, wrong, because }]) => [
    name,
    { right: () => problemsOf(right), wrong: () => problemsOf(wrong), because },
  ]);
  describeRules(Object.fromEntries(tried) as Readonly<Record<string, TriedRule>>, true);
}

export function begin(has: readonly Stored[], isLocked = false): History {
  const state: RegistryState = { app: { ...repositoryOf(...has), ...(isLocked && { locked: LOCKED }) } };
  return new History(state, BEGUN);
}

export function byOthers(at: number, what: What): Change {
  return { ...what, at, by: 'others', repository: 'app' };
}

export function byWorker(at: number, what: What, sentAt = at, run = 'run'): Change {
  const by: ByProcess = { process: 'worker', run, sentAt };
  return { ...what, at, by, repository: 'app' };
}

export const untag = (tag: string): What => ({ kind: 'delete-tag', tag });
export const remove = ({ digest }: Built): What => ({ kind: 'delete-manifest', digest });
export const tagged = (tag: string, { digest }: Built): What => ({ kind: 'tag', tag, digest });
export const pushed = ({ digest, body }: Built): What => ({ kind: 'push', digest, body });
export const changed = (about: { readonly tag?: string; readonly digest?: string }, attributes: Attributes): What => ({
  kind: 'attributes',
  ...about,
  attributes,
});
