import type { Emulator } from '../../src/dev/emulator/index.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { credentialsOf } from '../../src/registry/identity.ts';
import { type Clock, systemClock } from '../../src/registry/clock.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { LOOK_VALID_MILLISECONDS } from '../../src/registry/look.ts';
import { purge, type Registry } from '../../src/index.ts';
import { newLedger } from '../support/ledger.ts';
import { policyOf, type Run, USER } from '../support/registry.ts';
import { entra } from '../support/run-as.ts';

/*
 * When a deletion is sent, what it is about was looked at no more than LOOK_VALID_MILLISECONDS before. The clock by which
 * looks age stands still here, but for pauses and for what a test makes of it: what happens then was either looked at, or
 * is long ago.
 */

export const UNTAGGED = ['--untagged-only', '--ago', '30d'];

export interface LookClock extends Clock {
  /** So much time goes by that no look counts any more. */
  readonly pass: () => void;
}

export function newClock(): LookClock {
  let ticks = 0;
  const reach = (due: number): void => {
    ticks = Math.max(ticks, due);
  };
  return {
    ...systemClock,
    ticks: () => ticks,
    // Whatever has waited finds that the time has passed.
    after(milliseconds, call, use) {
      const due = ticks + milliseconds;
      const late = (): void => {
        reach(due);
        call();
      };
      return systemClock.after(milliseconds, late, use);
    },
    async sleep(milliseconds, signal, use) {
      const due = ticks + milliseconds;
      await systemClock.sleep(milliseconds, signal, use);
      reach(due);
    },
    pass: () => reach(ticks + LOOK_VALID_MILLISECONDS + 1),
  };
}

export function connectBy(clock: Clock, emulator: Emulator, signed = false): Registry {
  return openRegistry({
    endpoint: new URL(emulator.url),
    certificate: emulator.certificate,
    // One call at a time: none is under way when something happens.
    concurrency: 1,
    credentials: signed ? entra(emulator) : credentialsOf(USER),
    clock,
  });
}

export async function runBy(
  registry: Registry,
  emulator: Emulator,
  args: readonly string[] = UNTAGGED,
  ledger: Ledger = newLedger(),
): Promise<Run> {
  const decisions: Decision[] = [];
  const summary = await purge(registry, {
    policies: [policyOf(args)],
    ledger,
    now: new Date(emulator.start.getTime() + 1),
    onDecisions: (some) => void decisions.push(...some),
  });
  return { summary, decisions };
}
