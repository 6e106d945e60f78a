import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { type Run, withEmulator, withServedEmulator } from '../support/registry.ts';
import { connectBy, type LookClock, newClock, runBy, UNTAGGED } from './look-clock.ts';

describe('a deletion is not sent on a look that was too long ago', () => {
  const repositories = { app: repositoryOf(...images('old', 4)) };

  test.each<[string, (clock: LookClock, emulator: Emulator) => Promise<Run>]>([
    [
      'because of the record of the intent',
      (clock, emulator) => {
        const store = memoryStore();
        let first = true;
        const slow: typeof store = {
          ...store,
          append(path, bytes, length) {
            if (first) clock.pass();
            first = false;
            return store.append(path, bytes, length);
          },
        };
        return runBy(connectBy(clock, emulator), emulator, UNTAGGED, openLedger(slow));
      },
    ],
    [
      'because of a token',
      (clock, emulator) => {
        let tokens = 0;
        emulator.onRequest(() => undefined);
        emulator.faults({
          failing({ kind, path }) {
            if (kind === 'token' && path !== '' && ++tokens === 3) clock.pass();
            return undefined;
          },
        });
        return runBy(connectBy(clock, emulator, true), emulator);
      },
    ],
  ])('%s', async (_, work) => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const clock = newClock();
      const { summary } = await work(clock, emulator);
      expect(summary).toMatchObject({ succeeded: true, totals: { manifests: { deleted: 4 } } });
      const kinds = emulator.requests().map(({ kind }) => kind);
      const looked = kinds.lastIndexOf('repository-properties', kinds.indexOf('delete-manifest'));
      // Twice: once for the plan's sake, once in vain, and once more.
      expect(kinds.slice(0, looked + 1).filter((kind) => kind === 'repository-properties').length).toBeGreaterThan(2);
    });
  });

  test('and is not made where every look takes too long', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const clock = newClock();
      emulator.onRequest(({ kind }) => {
        if (kind === 'list-manifests') clock.pass();
      });
      const { summary, decisions } = await runBy(connectBy(clock, emulator), emulator);
      expect(emulator.counts()['delete-manifest']).toBe(0);
      // The rest is not tried one by one, which would take hours.
      expect(summary).toMatchObject({ succeeded: false, totals: { manifests: { deleted: 0, notAttempted: 4 } } });
      expect(emulator.counts()['repository-properties']).toBeLessThan(15);
      expect(decisions.map((one) => one.action === 'delete' && one.error?.message)).toEqual(
        decisions.map(() => expect.stringContaining('too slowly to look and delete within 5 seconds') as unknown),
      );
    });
  });
});
