import type { Decision } from '../planner/decision.ts';
import { redactTold } from './redact/redact.ts';
import { plannedOf } from './plan-hash.ts';
import { writeJournal } from './journal.ts';
import type { RepositoryWriter } from './ledger.ts';
import { toGzippedLines } from './ndjson.ts';
import { pathsOf } from './paths.ts';
import type { Store } from './store/store.ts';
import type { RepositoryRecord } from './records.ts';

/** Writes one repository in the run of this id. */
export function repositoryWriter(store: Store, id: string, repository: string): RepositoryWriter {
  const paths = pathsOf(id);
  const journal = writeJournal(store, paths.journal(repository), repository);
  const write: RepositoryWriter['write'] = async (summary, decisions) => {
    const record: RepositoryRecord = { summary, planned: await plannedOf(decisions) };
    await store.write(
      paths.decisions(repository),
      toGzippedLines(
        (function* () {
          yield withoutSecrets(record);
          for (const decision of decisions) yield withoutSecrets(decision);
        })(),
      ),
    );
    return record;
  };
  return {
    write,
    settled: journal.add,
    intend: journal.intend,
    async close(summary, decisions) {
      const record = await write(summary, decisions);
      if (journal.begun()) await store.remove(paths.journal(repository));
      return record;
    },
    async recovered(summary, decisions) {
      await write(summary, decisions);
      await store.remove(paths.journal(repository));
    },
  };
}

/** What a registry answers may repeat what it was sent. Most entries hold no answer of it. */
export function withoutSecrets<T extends RepositoryRecord | Decision>(entry: T): T {
  const error = 'summary' in entry ? entry.summary.error : entry.action === 'delete' ? entry.error : undefined;
  return error ? redactTold(entry) : entry;
}
