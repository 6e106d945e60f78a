import type { RunRecord } from '../ledger/records.ts';
import { dayOf } from './title.ts';

const DAY_MS = 86_400_000;

/** A plan says how long; a run until when, and the command that does so. */
type Undoable = Pick<RunRecord, 'id' | 'dryRun' | 'started' | 'undo' | 'archive'>;

/** Whether, and until when, what a run deletes can be undone: a sentence, or two. */
export function undoInWords(run: Undoable): string {
  const { id, archive, dryRun, undo } = run;
  if (archive === undefined) return softDeleteInWords(run);
  const archived = dryRun
    ? 'What it would delete is archived first, and comes back from there (acr-retention restore).'
    : `What it deleted is in the archive, and comes back from there: acr-retention restore ${id}`;
  return undo?.softDelete.state === 'on' ? `${softDeleteInWords(run)} ${archived}` : archived;
}

function softDeleteInWords({ id, dryRun, started, undo, archive }: Undoable): string {
  const what = dryRun ? 'What it would delete' : 'What it deleted';
  if (!undo) return `Whether that can be undone is unknown: ${NOT_ASKED}.`;
  const { softDelete } = undo;
  switch (softDelete.state) {
    case 'on': {
      const days = `${softDelete.days} day${softDelete.days === 1 ? '' : 's'}`;
      if (dryRun) return `${what} can be undone for ${days} (soft delete).`;
      // Counted from its begin: nothing was deleted before.
      const until = new Date(Date.parse(started) + softDelete.days * DAY_MS);
      const command = archive === undefined ? `: acr-retention restore ${id}` : '.';
      return `${what} can be undone until ${dayOf(until, NO_YEAR)} (soft delete, ${days})${command}`;
    }
    case 'off':
      return `${what} cannot be undone: the registry does not keep it (soft delete is off).`;
    case 'unknown':
      return `Whether that can be undone is unknown: ${softDelete.why}.`;
  }
}

/** A day is named with its year, whichever that is. */
const NO_YEAR = new Date(0);

const NOT_ASKED = 'REGISTRY_RESOURCE_ID is not set, by which its soft delete is asked for';
