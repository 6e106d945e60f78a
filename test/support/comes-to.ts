import type { Emulator } from '../../src/dev/emulator/index.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Settings } from '../../src/policy/settings.ts';
import type { DecisionError } from '../../src/planner/decision.ts';
import { archiveFrom, dryRun, findingsFrom, purge, readOnly, type RunOptions, storageFrom } from '../../src/index.ts';
import { isDryRun } from '../../src/engine/registries.ts';
import { connectTo } from './registry.ts';
import { leftIn, said } from './slices.ts';

/** The scheduled run of a registry in one process, as the timer has it done where the engine is inline. */
export async function inline(
  emulator: Emulator,
  ledger: Ledger,
  settings: Settings,
  options: Partial<RunOptions> = {},
): Promise<string> {
  const served = settings.registries.find(({ endpoint }) => endpoint.host === emulator.loginServer);
  if (!served) throw new Error(`${emulator.loginServer} is not in the settings`);
  const all: RunOptions = {
    policies: served.commands.map(({ policy }) => policy),
    now: new Date(emulator.start.getTime() + 1),
    ledger,
    kind: 'scheduled',
    policyFrom: 'settings',
    startedBy: 'schedule',
    guards: settings.guards,
    archive: archiveFrom(settings),
    findings: findingsFrom(settings, ledger.system.clock),
    storage: storageFrom(settings),
    onDecisions: () => undefined,
    ...options,
  };
  const registry = connectTo(emulator, 4);
  const { runId } = isDryRun(settings, served) ? await dryRun(readOnly(registry), all) : await purge(registry, all);
  return runId;
}

export interface Came {
  readonly left: readonly string[];
  readonly said: readonly string[];
  readonly repositories: readonly object[];
  readonly totals?: object;
  readonly state: string;
  readonly warnings: readonly string[];
  readonly matched: RunRecord['matched'];
  readonly breakers: readonly unknown[];
  readonly stopped?: string;
}

/**
 * What a run comes to, whoever has done it: what is left, and what its record says. Without what differs between any two
 * runs: ids, times, processes and addresses; and without the stage that what failed is left in, which says that it was tried
 * again.
 */
export async function comesTo(emulator: Emulator, ledger: Ledger, id: string): Promise<Came> {
  const run = await ledger.run(id);
  const { done, of } = run?.progress ?? {};
  const repositories = await Array.fromAsync(ledger.repositories(id));
  const text = JSON.stringify({
    left: leftIn(emulator),
    said: await said(ledger, id),
    repositories: repositories
      .map(({ summary: { repository, state, listed, tags, manifests, reasons, error }, planned }) => ({
        ...{ repository, state, tags, manifests, error: withoutIds(error), planned },
        listed: { tags: listed.tags, manifests: listed.manifests },
        reasons: Object.fromEntries(Object.entries(reasons).sort(([a], [b]) => (a < b ? -1 : 1))),
      }))
      .sort((a, b) => (a.repository < b.repository ? -1 : 1)),
    state: run?.state,
    totals: run?.totals,
    warnings: (run?.warnings ?? []).toSorted(),
    breakers: run?.breakers.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    matched: run?.matched,
    stopped: run?.stopped?.by,
    progress: { done, of },
    // Its hash is about the registry's address, too.
    plan: run?.plan && { deletions: run.plan.deletions, state: run.plan.state },
  });
  // A registry's address stands in what it is told to have said.
  return JSON.parse(text.replaceAll(emulator.loginServer, 'registry')) as Came;
}

/** Each answer of a registry has an id of its own. */
function withoutIds(error: DecisionError | undefined) {
  return error && { message: error.message, code: error.code, status: error.status };
}
