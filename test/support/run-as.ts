import type { Emulator } from '../../src/dev/emulator/index.ts';
import type { Decision } from '../../src/planner/decision.ts';
import type { RegistryCredentials } from '../../src/registry/auth.ts';
import { PUBLIC_AUDIENCE } from '../../src/registry/identity.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { dryRun, purge, readOnly, type Registry } from '../../src/index.ts';
import { credentialOf } from '../dev/emulator/support.ts';
import { newLedger } from './ledger.ts';
import { policyOf, type Run } from './registry.ts';

/** What a Function app has: an Entra identity. */
export function entra(emulator: Emulator): RegistryCredentials {
  return { kind: 'entra', credential: credentialOf(emulator), audience: PUBLIC_AUDIENCE };
}

export function connectAs(emulator: Emulator, credentials: RegistryCredentials, concurrency = 8): Registry {
  return openRegistry({
    endpoint: new URL(emulator.url),
    certificate: emulator.certificate,
    concurrency,
    credentials,
  });
}

/** Runs `purge <args>` on a registry, with ages counted from now. */
export async function runOn(registry: Registry, args: readonly string[], signal?: AbortSignal): Promise<Run> {
  const policy = policyOf(args);
  const decisions: Decision[] = [];
  const options = {
    policies: [policy],
    ledger: newLedger(),
    now: new Date(),
    onDecisions: (some: Iterable<Decision>) => void decisions.push(...some),
    ...(signal && { signal }),
  };
  return {
    summary: policy.dryRun ? await dryRun(readOnly(registry), options) : await purge(registry, options),
    decisions,
  };
}
