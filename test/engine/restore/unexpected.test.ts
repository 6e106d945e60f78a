import { describe, expect, test } from 'vitest';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { whatToRelease } from '../../../src/engine/release-at.ts';
import { whatToRestore } from '../../../src/engine/restore.ts';
import { newLedger } from '../../support/ledger.ts';
import { repositoryOf } from '../../support/contents.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { contentsOf, restored } from './restored.ts';

const softDelete = { retentionDays: 7 };
const one = image('one');
const two = image('two');
const PURGE = ['--filter', 'app:.*', '--ago', '30d', '--untagged'];

describe('a tag', () => {
  test('that another client pushes when the registry is asked to restore it is left alone', () =>
    withEmulator(
      { repositories: { app: repositoryOf({ built: one, days: 40, tags: ['v1', 'v2'] }) }, softDelete },
      async (emulator) => {
        const ledger = newLedger();
        const { summary } = await run(emulator, PURGE, undefined, ledger);
        let pushed: string | undefined;
        emulator.onRequest(({ kind }) => {
          // The first call brings the manifest back with a tag of it.
          if (kind === 'restore-deleted' && emulator.tagsLeft().length === 1)
            pushed ??= emulator.push('app', two.body, { tag: 'v2' });
        });
        const came = await restored(emulator, ledger, summary.runId);
        expect(came.outcomes).toEqual(['app:v1 restored', 'app:v2 not-attempted', `app@${one.digest} restored`]);
        expect(came.decisions.find(({ tag }) => tag === 'v2')).toMatchObject({ reason: 'pushed-since' });
        expect(emulator.repositories()['app']?.tags.find(({ name }) => name === 'v2')?.digest).toBe(pushed);
      },
    ));

  test('that the registry keeps no more comes back with its manifest, which it keeps still', () =>
    withEmulator(
      { repositories: { app: repositoryOf({ built: one, days: 40, tags: ['v1'] }) }, softDelete },
      async (emulator) => {
        const ledger = newLedger();
        const before = contentsOf(emulator.repositories());
        const { summary } = await run(emulator, PURGE, undefined, ledger);
        let asked = 0;
        emulator.faults({ failing: ({ kind }) => (kind === 'restore-deleted' && asked++ === 0 ? 404 : undefined) });
        const came = await restored(emulator, ledger, summary.runId);
        expect(came.summary.succeeded).toBe(true);
        expect(contentsOf(emulator.repositories())).toEqual(before);
      },
    ));
});

test.each(['shop.azurecr.io/shop:v1', 'webshop.azurecr.io/shop:v1', 'azurecr.azurecr.io/azurecr.io:v1'])(
  '%s is an image of the registry that it names, though its repository has the same words',
  async (text) => {
    const [host] = text.split('/');
    expect(await whatToRestore(newLedger(), text, undefined)).toMatchObject({ registry: host });
    expect(whatToRelease(text)).toMatchObject({ host });
  },
);
