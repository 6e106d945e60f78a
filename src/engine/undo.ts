import type { SoftDeleteSource } from '../evidence/soft-delete.ts';
import type { UndoRecord } from '../ledger/undo.ts';
import { type Clock, inTime } from '../registry/clock.ts';
import type { RunContext } from './context.ts';

/*
 * Whether, and until when, what a run deletes can be undone. A run finds it out once and says it. It changes nothing that
 * a run does: where it cannot be found out, it is unknown.
 */

/** A run does not wait longer for it. */
const LONGEST_MS = 20_000;

/** What a run asks for it; nothing where there is no source. */
export function undoIn(
  source: SoftDeleteSource | undefined,
  registry: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Pick<RunContext, 'undo'> {
  if (!source) return {};
  return {
    async undo() {
      const late = { state: 'unknown', why: `Azure gave no answer within ${LONGEST_MS / 1000} s` } as const;
      const softDelete = await inTime({ clock, milliseconds: LONGEST_MS, signal }, (until) =>
        Promise.race([source.read(registry, until), ended(until).then(() => late)]),
      );
      return { softDelete };
    },
  };
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Finds it out where it is not recorded yet, and records it. */
export async function noteUndo({
  record,
  undo,
  amend,
  signal,
}: Pick<RunContext, 'record' | 'undo' | 'amend' | 'signal'>): Promise<void> {
  if (!undo || record.undo) return;
  const found: UndoRecord = await undo();
  // What was given up because the run was stopped says nothing about the registry.
  if (!signal.aborted) await amend((now) => (now.undo ? undefined : { undo: found }));
}
