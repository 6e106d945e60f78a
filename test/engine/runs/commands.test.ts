import fc from 'fast-check';
import { expect, test } from 'vitest';
import { image } from '../../../src/dev/emulator/manifests.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { createLog, inInvocation } from '../../../src/report/log.ts';
import { dryRun, purge, readOnly, type RunOptions } from '../../../src/index.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { connectTo, policyOf, reference, withEmulator } from '../../support/registry.ts';

/** `FC_RUNS=2000 npx vitest run test/engine/runs/commands.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 60);

test('a dry run of several commands names exactly what they then delete and log, and reads only', async () => {
  await fc.assert(
    fc.asyncProperty(repository, fc.array(flags, { minLength: 2, maxLength: 3 }), async (contents, commands) => {
      await withEmulator({ repositories: { app: contents } }, async (emulator) => {
        const decisions: Decision[] = [];
        const options: RunOptions = {
          policies: commands.map(policyOf),
          ledger: newLedger(),
          now: new Date(emulator.start.getTime() + 1),
          onDecisions: (some) => void decisions.push(...some),
        };
        await dryRun(readOnly(connectTo(emulator)), options);
        const planned = decisions.filter(({ action }) => action === 'delete').map(reference);
        const { counts } = emulator;
        expect(counts()['delete-tag'] + counts()['delete-manifest'] + counts()['update-manifest']).toBe(0);
        expect(decisions.length).toBe(new Set(decisions.map(reference)).size);

        const before = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
        const logged: Decision[] = [];
        const take = (line: string) => void logged.push(JSON.parse(line) as Decision);
        const invocation = { invocationId: 'one', trace: take, debug: take, info: take, warn: take, error: take };
        await inInvocation(invocation, () =>
          purge(connectTo(emulator), { ...options, onDecisions: () => undefined, log: createLog('debug') }),
        );
        const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
        const gone = before.filter((one) => !left.has(one));
        expect(planned.toSorted()).toEqual(gone.toSorted());
        // No deletion is missing from the log, and none is there twice.
        const deleted = logged.filter((decision) => decision.action === 'delete' && decision.outcome === 'deleted');
        expect(deleted.map(reference).toSorted()).toEqual(gone.toSorted());
      });
    }),
    { numRuns: RUNS },
  );
});

test('what one command has deleted, and another client sets again, the next command keeps: the record tells it once', async () => {
  const [old, other] = [image('old'), image('other')];
  const app = repositoryOf({ built: old, days: 40, tags: ['dev'] }, { built: other, days: 40, tags: ['v1'] });
  await withEmulator({ repositories: { app } }, async (emulator) => {
    const registry = connectTo(emulator);
    const decisions: Decision[] = [];
    await purge(
      {
        ...registry,
        async deleteTag(...tag) {
          const result = await registry.deleteTag(...tag);
          emulator.tag('app', 'dev', other.digest);
          return result;
        },
      },
      {
        policies: [
          ['--filter', 'app:^dev$', '--ago', '30d'],
          ['--filter', 'app:^dev$', '--ago', '0d', '--untagged'],
        ].map(policyOf),
        ledger: newLedger(),
        now: new Date(emulator.start.getTime() + 3_600_000),
        onDecisions: (some) => void decisions.push(...some),
      },
    );
    expect(emulator.tagsLeft()).toEqual(['app:dev', 'app:v1']);
    const dev = decisions.filter(({ tag }) => tag === 'dev');
    expect(dev).toMatchObject([{ action: 'delete', digest: old.digest, outcome: 'deleted' }]);
  });
});
