import { isDeepStrictEqual } from 'node:util';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { contentsOf } from '../engine/restore/restored.ts';
import { crowded, FLAGS } from './contents.ts';
import { crashCommand, live } from './killing.ts';

/*
 * `npm run crash:restore -- --points 200`: purges a registry with soft delete, and kills the restore of that (`kill -9`) at
 * random moments, again and again. The last one may end: then the registry must be what it was, byte for byte and lock for
 * lock, and no run may be left open.
 */

const CHANGES: ReadonlySet<string> = new Set(['restore-deleted', 'put-manifest', 'update-tag', 'update-manifest']);
const PHASES = {
  nothing: 'with nothing back',
  'a part': 'with a part back',
  everything: 'with everything back',
} as const;

await crashCommand<keyof typeof PHASES>('crash:restore', PHASES, (random, kills, count) =>
  live({ repositories: crowded(), softDelete: { retentionDays: 7 } }, async ({ emulator, ledger, call }) => {
    const contents = () => contentsOf(emulator.repositories());
    const before = contents();
    const purged = await call(['purge', ...FLAGS, '--include-locked', '--yes']);
    if (purged.code !== 0) return [`the purge failed: ${purged.output}`];
    const empty = contents();
    const id = (await Array.fromAsync(ledger.runs({ kinds: ['purge'] })))[0]?.id ?? '';
    const restore = ['restore', id, '--yes'];
    const usual = changesIn(emulator, before);
    const problems: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      // Half of them anywhere, half right after a change was asked for.
      const nth = random() < 0.5 ? undefined : 1 + Math.floor(random() * usual);
      const after = nth === undefined ? undefined : { isCounted: (kind: string) => CHANGES.has(kind), nth };
      await call(restore, { after, milliseconds: random() * (after ? 12 : 2_500) });
      const now = contents();
      count(isDeepStrictEqual(now, empty) ? 'nothing' : isDeepStrictEqual(now, before) ? 'everything' : 'a part');
    }
    const last = await call(restore);
    if (last.code !== 0) problems.push(`the last restore ended with ${last.code}: ${last.output.slice(-500)}`);
    if (!isDeepStrictEqual(contents(), before)) problems.push('the registry is not what it was');
    const open = await ledger.unfinished(emulator.loginServer);
    if (open.length > 0) problems.push(`left open: ${open.join(', ')}`);
    return problems;
  }),
);

/** How many changes bring back what is gone, at least. */
function changesIn(emulator: Emulator, before: object): number {
  const count = (state: object): number => JSON.stringify(state).split('"body"').length;
  return Math.max(1, count(before) - count(contentsOf(emulator.repositories())));
}
