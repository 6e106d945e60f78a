import { join } from 'node:path';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { archiveAt } from '../../src/ledger/open.ts';
import { lostOf, wholes } from '../support/archived.ts';
import { crashCommand, live } from './killing.ts';

/*
 * `npm run crash:archive -- --points 200`: kills a purge that archives (`kill -9`) at random moments, again and again on the
 * same registry. After each kill all that is gone from the registry must be in the archive, byte for byte; and the last
 * purge, which may end, must delete all.
 */

const PURGE = ['purge', '--filter', '.*:^old', '--ago', '30d', '--untagged', '--concurrency', '3', '--yes'];
const PHASES = {
  'before it began': 'before it began',
  archiving: 'archiving',
  deleting: 'deleting',
  done: 'done',
} as const;

await crashCommand<keyof typeof PHASES>('crash:archive', PHASES, (random, kills, count) => {
  const { contents, options } = wholes(3, 5);
  return live(options, async ({ emulator, folder, call }) => {
    const archived = join(folder, 'archive');
    const archive = archiveAt({ kind: 'folder', folder: archived });
    const environment = { ARCHIVE: archived };
    const problems: string[] = [];
    const all = emulator.manifestsLeft().length;
    for (let kill = 0; kill < kills; kill += 1) {
      // A third of them anywhere, a third while it archives, and a third right after a deletion was asked for.
      const kind = Math.floor(random() * 3);
      const event = kind === 1 ? 'read-blob' : kind === 2 ? 'delete-manifest' : undefined;
      const nth = 1 + Math.floor(random() * (event === 'read-blob' ? 60 : Math.max(1, all / 3)));
      const after = event && { isCounted: (one: string) => one === event, nth };
      await call(PURGE, { after, milliseconds: random() * (event ? 15 : 2_500) }, environment);
      count(phaseOf(emulator, all));
      problems.push(...(await lostOf(emulator, archive, contents)));
    }
    const last = await call(PURGE, undefined, environment);
    if (last.code !== 0) problems.push(`the last purge ended with ${last.code}: ${last.output.slice(-500)}`);
    const left = emulator.manifestsLeft();
    if (left.length > 0) problems.push(`left: ${left.join(', ')}`);
    problems.push(...(await lostOf(emulator, archive, contents)));
    for (const name of contents.keys()) {
      const { tags } = await archive.repository(emulator.loginServer, name);
      if (tags.size !== contents.get(name)?.length) problems.push(`the archive of ${name} has ${tags.size} tags`);
    }
    return problems;
  });
});

function phaseOf(emulator: Emulator, all: number): keyof typeof PHASES {
  const left = emulator.manifestsLeft().length;
  if (left === 0) return 'done';
  if (left < all) return 'deleting';
  return emulator.counts()['read-blob'] > 0 ? 'archiving' : 'before it began';
}
