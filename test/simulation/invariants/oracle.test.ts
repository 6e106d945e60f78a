import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { type Change, type Held, History, type What } from './history.ts';
import { checkChange } from './invariants.ts';
import { acrPurge, type Command, commandOf, type Gone } from './oracle.ts';

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly repositories: RegistryState;
  readonly acrPurge: {
    readonly exitCode: number;
    readonly removedTags: readonly string[];
    readonly removedManifests: readonly string[];
  };
}

/** Ages that `acr purge` reads as something else than is written. No story has one. */
const MISREAD = /^(?:-1d|\+1d|abc|1\.5d|1 d|d|2d-3h|1h1d)$/;

const cases = readFileSync(new URL('../../conformance/cases.ndjson', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Case)
  .filter((one) => one.acrPurge.exitCode === 0 && !one.args.some((arg) => MISREAD.test(arg)));

const BEGUN = Date.parse('2026-03-01T00:00:00Z');
/** What has an age of exactly --ago was older when it was recorded, if only just. */
const NOW = BEGUN + 1;

test('most of the recorded cases are about what is deleted', () => {
  expect(cases.length).toBeGreaterThan(110);
});

describe.each(cases)('$name', ({ args, repositories, acrPurge: recorded }) => {
  test('deletes exactly what acr purge deleted', () => {
    const history = new History(repositories, BEGUN);
    const gone = purgedIn(history, commandOf(args)).flatMap(([{ name }, { tags, manifests }]) => [
      ...[...tags].map((tag) => `${name}:${tag}`),
      ...[...manifests].map((digest) => `${name}@${digest}`),
    ]);
    expect(gone.toSorted()).toEqual([...recorded.removedTags, ...recorded.removedManifests].toSorted());
  });
});

test('what acr purge breaks is found to be broken, and nothing else that it does', () => {
  const found = cases.filter(({ args, repositories }) => {
    const history = new History(repositories, BEGUN);
    const command = commandOf(args);
    return purgedIn(history, command).some(([held, gone]) => problemsOf(history, command, held, gone).length > 0);
  });
  expect(found.map(({ name }) => name)).toEqual(BREAKING);
});

/** The cases in which `acr purge` deletes what something that it leaves needs. */
const BREAKING: readonly string[] = [
  'cosign-tags',
  'locked-multiarch-tagged',
  'locked-multiarch-untagged',
  'keep-splits-multiarch',
  'untagged-index-with-subject',
  'random-4',
  'random-6',
  'random-10',
  'random-13',
  'random-17',
  'random-18',
  'random-20',
  'random-26',
  'random-28',
  'random-40',
];

function purgedIn(history: History, command: Command): readonly (readonly [Held, Gone])[] {
  return [...history.repositories.keys()].flatMap((name) => {
    const held = history.at(BEGUN, name);
    return held ? [[held, acrPurge(held, command, NOW)] as const] : [];
  });
}

/** Deletes all of it, an index before its children and an image before its signature. */
function problemsOf(history: History, command: Command, { name, manifests }: Held, gone: Gone): readonly string[] {
  const wanted = { commands: [command], agesFrom: NOW, since: BEGUN };
  let at = NOW + 60_000;
  const left = new Map(manifests.map((one) => [one.digest, one]));
  const remove = (what: What): readonly string[] => {
    at += 60_000;
    const change: Change = { ...what, at, by: { process: 'acr purge', sentAt: at }, repository: name };
    const recorded = history.record(change);
    for (const { digest } of recorded.manifests) left.delete(digest);
    return checkChange(history, recorded, wanted);
  };
  const problems: string[] = [];
  const needed = (digest: string): boolean =>
    [...left.values()].some(
      (one) => gone.manifests.has(one.digest) && one.document.children.some((child) => child.digest === digest),
    );
  const isReferrer = (subject: string | undefined): boolean => subject !== undefined && gone.manifests.has(subject);
  for (let isOver = false; !isOver;) {
    isOver = true;
    for (const { digest, document } of [...left.values()]) {
      if (!left.has(digest) || !gone.manifests.has(digest) || needed(digest) || isReferrer(document.subject)) continue;
      problems.push(...remove({ kind: 'delete-manifest', digest }));
      isOver = false;
    }
  }
  for (const tag of gone.tags)
    if (history.at(at, name)?.tags.some((one) => one.tag === tag))
      problems.push(...remove({ kind: 'delete-tag', tag }));
  return problems;
}
