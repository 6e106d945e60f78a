import type { Mutant } from './mutant.ts';

/** The ledger and its stores. */
export const LEDGER: readonly Mutant[] = [
  {
    name: 'run-not-marked',
    file: 'src/ledger/ledger.ts',
    from: "if (!record.dryRun) await store.write(openRuns(record.registry) + record.id, '');",
    to: '',
    says: 'The next run does not know of a run whose process was killed.',
  },
  {
    name: 'mark-removed-too-early',
    file: 'src/ledger/writer.ts',
    from: 'if (!(await hasJournals(store, record.id))) await store.remove(openRuns(record.registry) + record.id);',
    to: 'void hasJournals;\n      await store.remove(openRuns(record.registry) + record.id);',
    says: 'Deletions that could not be recorded are not looked at by the next run.',
  },
  {
    name: 'journal-removed-first',
    file: 'src/ledger/writer.ts',
    from: [
      '      const record = await write(summary, decisions, check);',
      '      if (journal.begun()) await store.remove(paths.journal(repository));',
      '      return record;',
    ].join('\n'),
    to: [
      '      if (journal.begun()) await store.remove(paths.journal(repository));',
      '      return write(summary, decisions, check);',
    ].join('\n'),
    says: 'A process that is killed while it closes a repository leaves no record of what it deleted.',
  },
  {
    name: 'record-without-etag',
    file: 'src/ledger/writer.ts',
    from: "etag === undefined ? 'absent' : { etag });",
    to: "etag === undefined ? 'absent' : (undefined as never));",
    says: 'A process writes the record of a run over what another one has written.',
  },
  {
    name: 'writes-without-its-lock',
    file: 'src/ledger/writer.ts',
    from: 'if (locks.some((lock) => !lock.isHeld()))',
    to: 'if (locks.some((lock) => !lock.isHeld() && lock.lost.aborted && !lock.isHeld()))',
    says: 'A process that has lost its lock writes over what another one has completed.',
  },
  {
    name: 'lease-outlives-its-time',
    file: 'src/ledger/store/lease.ts',
    from: "() => lose('it could not be renewed in time'), 'background');",
    to: "() => undefined, 'background');",
    says: 'A run takes a lock for its own that it could not renew in time.',
  },
  {
    // Of the two ways in which a lock is lost, the clock is always the first: another process may have it only later.
    name: 'taken-lease-kept',
    file: 'src/ledger/store/lease.ts',
    from: '    if (over) return;\n    end();\n    lost.abort(',
    to: '    if (over || !over) return;\n    end();\n    lost.abort(',
    says: 'A run takes a lock for its own that another process has taken, and is never told that it has lost it.',
  },
  {
    name: 'lease-under-one-id',
    file: 'src/ledger/store/blob-lease.ts',
    from: 'const id = sharedBy === undefined ? randomUUID() : leaseId(sharedBy);',
    to: 'const id = leaseId(sharedBy ?? name);\n  void randomUUID;',
    says: 'In Blob Storage every process takes a lock under the same id, also while another one holds it.',
  },
  {
    name: 'folder-etag-not-compared',
    file: 'src/ledger/store/folder.ts',
    from: '(await etagOf(file)) !== etag)',
    to: '(await etagOf(file)) === undefined)',
    says: 'In a folder a file is written over that has changed since it was read.',
  },
  {
    name: 'blob-etag-not-sent',
    file: 'src/ledger/store/blob-files.ts',
    from: "return condition === 'absent' ? { ifNoneMatch: '*' } : { ifMatch: condition.etag };",
    to: "return condition === 'absent' ? { ifNoneMatch: '*' } : {};",
    says: 'In Blob Storage a file is written over that has changed since it was read.',
  },
  {
    name: 'torn-line-read',
    file: 'src/ledger/ndjson.ts',
    from: '    yield parts;\n  }\n}',
    to: "    yield parts;\n  }\n  if (rest.join('') !== '') yield [rest.join('')];\n}",
    says: 'A journal that ends in the middle of a line cannot be read, and what it tells is lost.',
  },
  {
    name: 'folder-lock-of-the-living',
    file: 'src/ledger/store/folder-lock.ts',
    from: "stale: state === 'ended' || (state === 'unknown' && isOver) };",
    to: "stale: state === 'ended' || state === 'unknown' || isOver };",
    says: 'In a folder a process takes a lock over that another one holds on another machine.',
  },
  {
    name: 'blob-lease-of-the-living',
    file: 'src/ledger/store/blob-lease.ts',
    from: 'if (!found || !hasEnded(system, found) || tries === TRIES) throw',
    to: 'if (!found || hasEnded(system, found) || tries === TRIES) throw',
    says: 'In Blob Storage a process breaks the lease of another one that is at work.',
  },
];

/**
 * The stores' own tests find these. Stories do not: the lock of a repository keeps a second writer away, and a writer takes
 * back what it wrote of an append that failed.
 */
export const STORE_MUTANTS: readonly Mutant[] = [
  {
    name: 'append-at-any-length',
    file: 'src/ledger/store/folder.ts',
    from: 'if (size !== length) throw conflict',
    to: 'if (size < length) throw conflict',
    says: 'A writer adds to a file that another process has added to meanwhile.',
  },
];
