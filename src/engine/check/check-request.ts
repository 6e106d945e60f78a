import type { RegistryCheck } from '../../ledger/checks.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Configuration } from '../../policy/settings.ts';
import { inTime } from '../../registry/clock.ts';
import { RegistryError, StoppedError } from '../../registry/errors.ts';
import { checkRegistryAt, type CheckOptions } from './check-registry.ts';
import { type OpenRegistry, servedRegistry, settingsOf, targetOf } from '../registries.ts';

/** Calls to the registry at once: runs ask it as well. */
const CONCURRENCY = 4;

/** What is locked for longer than that is old, as on the command line. */
const OLD_MS = 365 * 86_400_000;

/** What a client asks for. */
export interface CheckAsked {
  /** Of the registry; `undefined`: the only one. */
  readonly registry: string | undefined;
  /** After so long no further call is begun: what was not looked at is not known. */
  readonly milliseconds: number;
  /** The app ends. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks a registry that the app serves, and keeps the result. It reads the registry, and changes nothing in it.
 * @param open how the registry is reached; absent: over TLS
 * @returns what is kept
 * @throws {Misconfigured | PolicyError} where it cannot be asked
 * @throws {RegistryError} where its repositories cannot be listed in time; then the last result stays
 * @throws {LedgerError}
 */
export async function requestedCheck(
  configuration: Configuration,
  ledger: CheckOptions['ledger'] & Pick<Ledger, 'keepCheck'>,
  { registry, milliseconds, signal }: CheckAsked,
  open?: OpenRegistry,
): Promise<RegistryCheck> {
  const settings = settingsOf(configuration);
  const target = targetOf(settings, servedRegistry(settings, registry), CONCURRENCY);
  const { clock } = ledger.system;
  return inTime({ clock, milliseconds, signal }, async (until, late) => {
    try {
      const check = await checkRegistryAt(target, { ledger, lockedOlderThan: OLD_MS, signal: until }, open);
      // What the app was stopped in says less than what is kept already.
      return signal?.aborted ? check : await ledger.keepCheck(check);
    } catch (error) {
      if (!(error instanceof StoppedError) || !late.aborted) throw error;
      const seconds = Math.round(milliseconds / 1_000);
      throw new RegistryError('list the repositories', { message: `no answer within ${seconds} s` }, { cause: error });
    }
  });
}

/**
 * What the last check of a registry has found that the app serves; `undefined` where there was none.
 * @throws {Misconfigured | PolicyError | LedgerError}
 */
export function requestedLastCheck(
  configuration: Configuration,
  ledger: Pick<Ledger, 'lastCheck'>,
  registry: string | undefined,
): Promise<RegistryCheck | undefined> {
  return ledger.lastCheck(servedRegistry(settingsOf(configuration), registry).endpoint.host);
}
