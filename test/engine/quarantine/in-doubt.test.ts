import { expect, test } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { digestOf, image } from '../../../src/dev/emulator/manifests.ts';
import { dryRun, type Ledger, purge, readOnly } from '../../../src/index.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { RegistryError } from '../../../src/registry/errors.ts';
import type { Registry } from '../../../src/registry/types.ts';
import { repositoryOf } from '../../support/contents.ts';
import { DAY, ledgerOnAClock, unreadable, waitingIn } from '../../support/quarantine.ts';
import { connectTo, policyOf, reference, run, withEmulator } from '../../support/registry.ts';

/** What is in quarantine, and what a run cannot know of it, or what another command says. */

const old = image('old');
const other = image('other');

const PURGE = ['--filter', 'app:^dev', '--ago', '30d', '--untagged'];
const QUARANTINE = [...PURGE, '--quarantine', '14d'];

const state = (): EmulatorOptions['repositories'] => ({
  app: repositoryOf({ built: old, days: 40, tags: ['dev-1'] }, { built: other, days: 40, tags: ['rel-1'] }),
});

const OLD = `app@${old.digest}`;

const decisionOn = (decisions: readonly Decision[], name: string): Decision | undefined =>
  decisions.find((one) => reference(one) === name);

/** Whether the registry and the ledger say the same. */
async function expectKnown(emulator: Emulator, ledger: Ledger): Promise<void> {
  expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
}

/** What a purge decides, at a registry of which some calls are others. */
async function purgeWith(
  emulator: Emulator,
  ledger: Ledger,
  calls: Partial<Registry> = {},
  commands: readonly (readonly string[])[] = [QUARANTINE],
): Promise<readonly Decision[]> {
  const decisions: Decision[] = [];
  await purge(
    { ...connectTo(emulator), ...calls },
    {
      policies: commands.map(policyOf),
      ledger,
      now: new Date(emulator.start.getTime() + 1),
      onDecisions: (some: Iterable<Decision>) => void decisions.push(...some),
    },
  );
  return decisions;
}

/** Changes an attribute between the plan and the look. */
function lockingBetween(
  emulator: Emulator,
  digest: string,
  attributes: Parameters<Emulator['lock']>[2],
): Partial<Registry> {
  const registry = connectTo(emulator);
  return {
    reserve(...asked) {
      emulator.lock('app', digest, attributes);
      return registry.reserve(...asked);
    },
  };
}

/** A repository with an image that another client has made unreadable. Its bytes need not be read to plan its deletion. */
function unreadableBefore() {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', digest: old.digest, size: 2 },
    layers: [],
  });
  const manifests = [{ body, age: (40 * DAY) / 1000, locked: { readEnabled: false } }];
  return { app: { manifests, tags: [] }, digest: digestOf(body) };
}

test('of several commands none takes back what another one has put into quarantine', async () => {
  await withEmulator({ repositories: state() }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    const commands = [QUARANTINE, ['--filter', 'app:^rel', '--ago', '50d', '--untagged']];
    const all = () => purgeWith(emulator, ledger, {}, commands);
    expect(decisionOn(await all(), OLD)).toMatchObject({ action: 'delete', outcome: 'quarantined' });
    later(7 * DAY);
    expect(decisionOn(await all(), OLD)).toMatchObject({ action: 'keep', reason: 'quarantined' });
    expect(unreadable(emulator)).toEqual([OLD]);
    later(8 * DAY);
    expect(decisionOn(await all(), OLD)).toMatchObject({ action: 'delete', outcome: 'deleted' });
    await expectKnown(emulator, ledger);
  });
});

test('what another client had made unreadable waits as long, and stays unreadable where it is released', async () => {
  const { app, digest } = unreadableBefore();
  await withEmulator({ repositories: { app } }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    const first = await run(emulator, QUARANTINE, undefined, ledger);
    expect(decisionOn(first.decisions, `app@${digest}`)).toMatchObject({ outcome: 'quarantined' });
    await expectKnown(emulator, ledger);
    emulator.tag('app', 'v1', digest);
    await run(emulator, QUARANTINE, undefined, ledger);
    expect([await waitingIn(ledger, emulator), unreadable(emulator)]).toEqual([[], [`app@${digest}`]]);
    emulator.untag('app', 'v1');
    await run(emulator, QUARANTINE, undefined, ledger);
    later(15 * DAY);
    const last = await run(emulator, QUARANTINE, undefined, ledger);
    expect(decisionOn(last.decisions, `app@${digest}`)).toMatchObject({ action: 'delete', outcome: 'deleted' });
  });
});

test('what another client had made unreadable, and readable since it was planned, is kept readable', async () => {
  const { app, digest } = unreadableBefore();
  await withEmulator({ repositories: { app } }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    const decisions = await purgeWith(emulator, ledger, lockingBetween(emulator, digest, { readEnabled: true }));
    const kept = { action: 'keep', reason: 'changed-since-plan' };
    expect(decisionOn(decisions, `app@${digest}`)).toMatchObject(kept);
    expect([await waitingIn(ledger, emulator), unreadable(emulator)]).toEqual([[], []]);
  });
});

test.each([
  ['another client has made unreadable since it was planned stays so where it is released', false, [OLD]],
  ['an earlier run may have made unreadable is readable again where it is released', true, []],
])('what %s', async (_, isTried, left) => {
  await withEmulator({ repositories: state() }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    const error = new RegistryError('make it unreadable', { message: 'no answer' });
    const hide: Registry['hide'] = () => Promise.resolve({ state: 'failed', inDoubt: true, error });
    if (isTried) await purgeWith(emulator, ledger, { hide });
    await purgeWith(emulator, ledger, lockingBetween(emulator, old.digest, { readEnabled: false }));
    await expectKnown(emulator, ledger);
    emulator.tag('app', 'keep', old.digest);
    await run(emulator, QUARANTINE, undefined, ledger);
    expect([await waitingIn(ledger, emulator), unreadable(emulator)]).toEqual([[], left]);
  });
});

test('what may become unreadable after it was kept stays in the record, and the next run releases it', async () => {
  await withEmulator({ repositories: state() }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    let asked = 0;
    emulator.faults({
      failing: ({ kind }) => {
        if (kind !== 'update-manifest' || (asked += 1) > 1) return undefined;
        // Before it is looked at again.
        queueMicrotask(() => {
          emulator.lock('app', old.digest, { deleteEnabled: false });
        });
        return 'drop';
      },
    });
    const { decisions } = await run(emulator, QUARANTINE, undefined, ledger);
    expect(decisionOn(decisions, OLD)).toMatchObject({ action: 'keep', reason: 'changed-since-plan' });
    // The request had arrived after all, and is carried out late.
    emulator.lock('app', old.digest, { readEnabled: false });
    await expectKnown(emulator, ledger);
    const next = await run(emulator, QUARANTINE, undefined, ledger);
    expect(decisionOn(next.decisions, OLD)).toMatchObject({ reason: 'released', release: { outcome: 'released' } });
    expect(unreadable(emulator)).toEqual([]);
    await expectKnown(emulator, ledger);
  });
});

test.each([
  ['that may have made it unreadable all the same stays in the record', true, [OLD]],
  ['that certainly left it readable is in quarantine no longer', false, []],
])('what a call failed for %s', async (_, inDoubt, waits) => {
  await withEmulator({ repositories: state() }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    const error = new RegistryError('make it unreadable', { message: 'looked at too long ago' });
    const hide: Registry['hide'] = () => Promise.resolve({ state: 'failed', inDoubt, error });
    const decisions = await purgeWith(emulator, ledger, { hide });
    expect(decisionOn(decisions, OLD)).toMatchObject({ action: 'delete', outcome: 'failed' });
    expect(await waitingIn(ledger, emulator)).toEqual(waits);
  });
});

test('since when it is unreadable is not known of what a process could not record: its time begins anew', async () => {
  await withEmulator({ repositories: state() }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    let changes = 0;
    const failing: Ledger = {
      ...ledger,
      changeQuarantine: (...change) =>
        (changes += 1) > 1 ? Promise.reject(new Error('no space left')) : ledger.changeQuarantine(...change),
    };
    await run(emulator, QUARANTINE, undefined, failing).catch(() => undefined);
    await expectKnown(emulator, ledger);
    expect(unreadable(emulator)).toEqual([OLD]);
    later(15 * DAY);
    const second = await run(emulator, QUARANTINE, undefined, ledger);
    expect(decisionOn(second.decisions, OLD)).toMatchObject({ action: 'keep', reason: 'quarantined' });
    later(13 * DAY);
    await run(emulator, QUARANTINE, undefined, ledger);
    expect(unreadable(emulator)).toEqual([OLD]);
    later(2 * DAY);
    await run(emulator, QUARANTINE, undefined, ledger);
    expect(emulator.manifestsLeft()).toEqual([`app@${other.digest}`]);
    await expectKnown(emulator, ledger);
  });
});

test('thousands that are released leave the record together', { timeout: 60_000 }, async () => {
  const many = Array.from({ length: 600 }, (_, place) => `dev-${place}`);
  const app = repositoryOf({ built: old, days: 40, tags: [...many, 'keep'] });
  await withEmulator({ repositories: { app } }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    await run(emulator, QUARANTINE, undefined, ledger);
    expect(unreadable(emulator)).toHaveLength(600);
    let changes = 0;
    const counting: Ledger = {
      ...ledger,
      changeQuarantine(...change) {
        changes += 1;
        return ledger.changeQuarantine(...change);
      },
    };
    for (const tag of many) emulator.lock('app', tag, { deleteEnabled: false });
    await run(emulator, QUARANTINE, undefined, counting);
    expect([unreadable(emulator), await waitingIn(ledger, emulator)]).toEqual([[], []]);
    expect(changes).toBeLessThan(10);
  });
});

test.each([
  ['that is selected by name', QUARANTINE],
  ['of a registry that is listed', ['--filter', '.*:^dev', '--ago', '30d', '--untagged', '--quarantine', '14d']],
  ['that is not selected any more', ['--filter', 'web:^dev', '--ago', '30d', '--untagged', '--quarantine', '14d']],
])('nothing waits in a repository that is gone: one %s', async (_, args) => {
  const web = repositoryOf({ built: other, days: 1, tags: ['v1'] });
  await withEmulator({ repositories: { ...state(), web } }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    await run(emulator, QUARANTINE, undefined, ledger);
    for (const { digest } of [old, other]) emulator.remove('app', digest);
    await run(emulator, [...args, '--dry-run'], undefined, ledger);
    expect(await waitingIn(ledger, emulator)).toEqual([OLD]);
    await run(emulator, args, undefined, ledger);
    expect(await waitingIn(ledger, emulator)).toEqual([]);
  });
});

test.each([true, false])('a tag in quarantine is not the one that a repository keeps (dry run: %s)', async (isDry) => {
  await withEmulator({ repositories: state() }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    await run(emulator, QUARANTINE, undefined, ledger);
    const options = {
      policies: [policyOf(['--filter', 'app:^rel', '--ago', '30d', '--untagged'])],
      ledger,
      now: new Date(emulator.start.getTime() + 1),
      guards: { keepLastTag: true },
      onDecisions: () => undefined,
    };
    const registry = connectTo(emulator);
    const { breakers } = await (isDry ? dryRun(readOnly(registry), options) : purge(registry, options));
    expect(breakers).toMatchObject([{ breaker: 'no-tag-left', repository: 'app' }]);
    expect(emulator.tagsLeft()).toEqual(['app:dev-1', 'app:rel-1']);
  });
});
