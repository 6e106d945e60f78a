import type { Mutant } from './mutant.ts';

/** What is made unreadable first, what is deleted after that, and what comes back. */
export const QUARANTINE: readonly Mutant[] = [
  {
    name: 'hidden-before-its-entry',
    file: 'src/engine/carry-out.ts',
    from: [
      '    await quarantine.change(repository, ({ entries: before, released }) => {',
      '      for (const entry of before) if (keys.has(entryKey(entry))) tried.add(entryKey(entry));',
      '      return { entries: [...before.filter((entry) => !keys.has(entryKey(entry))), ...entries], released };',
      '    });',
    ].join('\n'),
    to: [
      '    void quarantine',
      '      .change(repository, ({ entries: before, released }) => ({',
      '        entries: [...before.filter((entry) => !keys.has(entryKey(entry))), ...entries],',
      '        released,',
      '      }))',
      '      .catch(() => undefined);',
    ].join('\n'),
    says: 'An artifact is made unreadable before the ledger says that it is in quarantine.',
  },
  {
    name: 'quarantine-not-waited-for',
    file: 'src/planner/quarantine.ts',
    from: 'const isOver = ({ until }: Held): boolean => Date.parse(until) <= now;',
    to: 'const isOver = ({ until }: Held): boolean => Date.parse(until) <= Infinity;',
    says: 'The next run deletes what is in quarantine, whether its time is over or not.',
  },
  {
    name: 'kept-stays-unreadable',
    file: 'src/engine/quarantine/release.ts',
    from: 'const wanted = await wantedIn(context, held, decisions);',
    to: 'const wanted = (await wantedIn(context, held, decisions)).slice(0, 0);',
    says: 'What a run keeps stays unreadable.',
  },
  {
    name: 'quarantine-not-counted',
    file: 'src/engine/guards.ts',
    from: 'return deleted + quarantined;',
    to: 'return deleted + 0 * quarantined;',
    says: 'Guards do not count what is put into quarantine.',
  },
  {
    name: 'quarantine-not-in-the-plan-first',
    file: 'src/engine/repository.ts',
    from: 'if (tags.length + manifests.length + hides.tags.length + hides.manifests.length > 0)',
    to: 'if (tags.length + manifests.length > 0)',
    says: 'A run whose process is killed does not tell what it made unreadable.',
  },
];
