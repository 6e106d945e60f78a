import { activitiesOf } from '../../../src/engine/durable/activities.ts';
import { newUseOf } from '../../../src/engine/evidence.ts';
import { newFresh } from '../../../src/engine/fresh.ts';
import { type App, newConnections } from '../../../src/engine/durable/context.ts';
import { startScheduled } from '../../../src/engine/durable/start.ts';
import { evidenceFrom, type OpenSources } from '../../../src/engine/sources.ts';
import { type OpenRegistry, openRegistry } from '../../../src/engine/registries.ts';
import { PUBLIC_AUDIENCE } from '../../../src/registry/identity.ts';
import { openRegistry as openWith } from '../../../src/registry/registry.ts';
import { resumeRun, newestResumable } from '../../../src/engine/resume.ts';
import {
  cancelRun,
  readOnly,
  rejectPlan,
  requestedApply,
  requestedDryRun,
  scheduledPurge,
  StopReason,
} from '../../../src/index.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Store } from '../../../src/ledger/store/store.ts';
import type { Configuration } from '../../../src/policy/settings.ts';
import { createLog } from '../../../src/report/log.ts';
import type { Hub } from '../hub/hub.ts';
import type { RegistryService } from '../registry/registry.ts';
import type { Process } from '../world/world.ts';

const log = createLog('silent');

/** What it is called when a person rejects a plan. */
export const REJECT = 'reject a plan';

const PATIENCE_MS = 230_000;

/** What a process of the app is made of. */
export interface Parts {
  readonly process: Process;
  readonly store: Store;
  readonly registry: RegistryService;
  /** Absent: runs are done in the process that begins them. */
  readonly hub: Hub | undefined;
  /** Whether it takes work from the hub, as instances of the app do, and the command line does not. */
  readonly isWorker: boolean;
  /** Whether an identity signs in, or a user with a password. */
  readonly hasIdentity: boolean;
  /** As they are now: a person may change them. */
  readonly settings: () => Configuration & { readonly state: 'valid' };
  /** Where it is asked what is in use. */
  readonly openSources: OpenSources;
}

/** The product in one process, as its functions and its commands use it. */
export interface AppProcess {
  readonly process: Process;
  readonly ledger: Ledger;
  readonly tick: (by: string) => Promise<unknown>;
  readonly dryRun: () => Promise<unknown>;
  /** Applies the newest plan that waits, or half of its repositories; with `approve`, whatever the guards say. */
  readonly apply: (
    how: { readonly approve: boolean; readonly half: boolean },
    onApproved: (id: string) => void,
  ) => Promise<unknown>;
  /** Rejects the newest plan. */
  readonly reject: () => Promise<unknown>;
  readonly resume: () => Promise<unknown>;
  readonly cancel: () => Promise<unknown>;
  /** Tells the process to end, as the host does before it kills it. */
  readonly shutDown: () => void;
}

export function startApp({
  process,
  store,
  registry,
  hub,
  isWorker,
  hasIdentity,
  settings,
  openSources,
}: Parts): AppProcess {
  const ledger = openLedger(store);
  const { clock } = process.system;
  const now = (): Date => new Date(clock.now());
  const shutdown = new AbortController();
  const credential = {
    getToken: () =>
      Promise.resolve({ token: registry.identityToken(), expiresOnTimestamp: registry.now() + 24 * 3_600_000 }),
  };
  const open: OpenRegistry = (target) => {
    const { endpoint, concurrency } = target;
    const edges = { clock, dispatcher: registry.dispatcher(process) };
    if (!hasIdentity) return openRegistry({ ...target, ...edges });
    const credentials = { kind: 'entra', credential, audience: PUBLIC_AUDIENCE } as const;
    return Promise.resolve(openWith({ endpoint, concurrency, credentials, ...edges }));
  };
  const trigger = (by: string, startedBy: 'schedule' | 'request' | 'command line') => ({
    now: now(),
    ledger,
    startedBy,
    by,
    signal: shutdown.signal,
    onDecisions: () => undefined,
    log,
    open,
    openSources,
  });
  if (hub && isWorker) {
    const app: App = {
      settings: () => settings().settings,
      ledger,
      log,
      connections: newConnections(open),
      useOf: newUseOf(ledger),
      defenderOf: newFresh(ledger.system.clock),
      openSources,
      signal: shutdown.signal,
    };
    hub.join(process, activitiesOf(app));
  }

  /** Half of the repositories in which the plan of a run deletes something. */
  async function halfOf(id: string): Promise<readonly string[]> {
    const all = await Array.fromAsync(ledger.repositories(id));
    const planned = all.filter(({ planned: { deletions } }) => deletions > 0).map(({ summary }) => summary.repository);
    return planned.slice(0, Math.ceil(planned.length / 2));
  }

  async function newest(isWanted: (run: RunRecord) => boolean): Promise<RunRecord | undefined> {
    for await (const run of ledger.runs()) if (isWanted(run)) return run;
    return undefined;
  }

  return {
    process,
    ledger,
    tick(by) {
      if (!hub) return scheduledPurge(settings(), trigger(by, 'schedule'));
      const client = hub.client(process) as never;
      return startScheduled(settings().settings, { client, ledger, log, now: now(), by, pastDue: false });
    },
    dryRun() {
      const wanted = requestedDryRun(settings(), { guards: {} });
      const told = { onDecisions: () => Promise.resolve(), onOutcome: () => Promise.resolve() };
      const asked = { ...trigger('person', 'request'), ...told, by: 'person' };
      if (!hub) return wanted.start(asked);
      // A client waits so long, and then it asks where it was told to.
      const late = new AbortController();
      clock.after(PATIENCE_MS, () => late.abort());
      const signal = AbortSignal.any([shutdown.signal, late.signal]);
      return wanted.startDurable({
        ...asked,
        signal,
        client: hub.client(process) as never,
        abandoned: shutdown.signal,
      });
    },
    async apply({ approve, half }, onApproved) {
      const run = await newest(({ plan }) => plan?.state === (approve ? 'waiting' : 'open'));
      if (!run?.plan) return 'there is no plan';
      if (approve) onApproved(run.id);
      return requestedApply(
        settings(),
        run.id,
        {
          ...(approve && { approve: run.plan.hash.slice(0, 12) }),
          ...(half && { repositories: await halfOf(run.id) }),
        },
        trigger('person', 'request'),
      );
    },
    async reject() {
      const run = await newest(({ plan }) => plan?.state === 'waiting' || plan?.state === 'open');
      return run
        ? rejectPlan(ledger, run.id, { ...trigger('person', 'request'), reason: 'not now' })
        : 'there is no plan';
    },
    async resume() {
      const run = await newestResumable(ledger, undefined, now());
      if (!run) return 'nothing was stopped';
      const target = { ...settings().settings.identity, concurrency: 4 };
      const openIt = (): ReturnType<OpenRegistry> => open({ ...target, endpoint: new URL(`https://${run.registry}`) });
      return resumeRun(
        run,
        { reader: async () => readOnly(await openIt()), writer: openIt },
        {
          ...trigger('person', 'command line'),
          evidence: evidenceFrom(settings().settings, clock, openSources),
          planAgeMilliseconds: settings().settings.ledger.planAgeMilliseconds,
        },
      );
    },
    async cancel() {
      const run = await newest(({ state }) => state === 'running');
      if (!run) return 'nothing is running';
      return cancelRun(ledger, run.id, { now: now(), askedBy: 'command line', by: 'person' });
    },
    shutDown: () => shutdown.abort(new StopReason('signal', 'the host ends this instance')),
  };
}
