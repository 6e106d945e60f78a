import { notifyDue } from '../notify/notify.ts';
import { AFTER_RUN_MS, noteNotBegun, notifyingFor } from '../notify/tell.ts';
import { Misconfigured } from '../registries.ts';
import type { App } from './context.ts';

/** A run that could not be begun. Repeated, it is noted once. */
interface Refused {
  readonly registry: string;
  readonly why: string;
  readonly runId: string;
}

/** Tells people what is due, and never throws: a step of a run is not repeated for a message. */
export async function tell(app: App, refused?: Refused): Promise<void> {
  const { ledger, log, signal } = app;
  try {
    const notifying = notifyingFor(app.settings());
    const { notify } = notifying;
    if (refused) await noteNotBegun({ notify, ledger, log }, refused.registry, refused.why, refused.runId);
    await notifyDue({ ...notifying, ledger, log, signal, milliseconds: AFTER_RUN_MS });
  } catch (error) {
    // The tick of the timer tells people of it.
    if (!(error instanceof Misconfigured)) throw error;
  }
}
