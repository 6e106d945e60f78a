import type { Evidence, Source } from '../evidence/types.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { PolicyError } from '../policy/errors.ts';
import { parseRegistry } from '../policy/registries.ts';
import type { Configuration } from '../policy/settings.ts';
import type { Clock } from '../registry/clock.ts';
import type { InUseReport } from '../report/in-use.ts';
import type { EvidenceOptions } from './evidence.ts';
import { notServed, settingsOf } from './registries.ts';
import { evidenceFrom } from './sources.ts';

/** How long the sources may take together. Azure ends an HTTP request after 230 s. */
const TIMEOUT_MS = 200_000;

/** Of a source whose client does not end when it is told to. */
const GRACE_MS = 5_000;

/**
 * Asks the configured sources what is in use at a registry, and says what earlier runs saw. Remembers nothing: a source
 * can be tried out before it counts.
 * @param registry its login server
 * @param timeoutMilliseconds a source that takes longer is incomplete
 * @throws {LedgerError} where what earlier runs saw cannot be read: a run would fail there
 */
export async function inUseAt(
  registry: string,
  evidence: EvidenceOptions | undefined,
  ledger: Pick<Ledger, 'used' | 'system'>,
  signal?: AbortSignal,
  timeoutMilliseconds = TIMEOUT_MS,
): Promise<InUseReport> {
  const { clock } = ledger.system;
  const used = await ledger.used(registry);
  if (!evidence) return { registry, state: 'not-configured', sources: [], remembered: [] };
  const observed = await Promise.all(
    evidence.sources.map((source) => readInTime(source, registry, clock, timeoutMilliseconds, signal)),
  );
  const since = new Date(clock.now() - evidence.rememberMilliseconds).toISOString();
  const seen = new Set(observed.flatMap((one) => one.facts.map((use) => keyOf({ ...use, source: one.source }))));
  return {
    registry,
    state: observed.every(({ complete }) => complete) ? 'complete' : 'incomplete',
    sources: observed.map(({ facts, ...about }) => ({ ...about, images: facts.length, uses: facts })),
    remembered: used.filter((image) => image.last >= since && !seen.has(keyOf(image))),
  };
}

/**
 * The same for a registry that the app serves.
 * @param name of the registry; `undefined`: the only one
 * @throws {Misconfigured | PolicyError | LedgerError}
 */
export function requestedInUse(
  configuration: Configuration,
  name: string | undefined,
  ledger: Pick<Ledger, 'used' | 'system'>,
  signal?: AbortSignal,
): Promise<InUseReport> {
  const settings = settingsOf(configuration);
  const hosts = settings.registries.map(({ endpoint }) => endpoint.host);
  const wanted = name === undefined ? undefined : parseRegistry(name).host;
  const [only, ...others] = wanted === undefined ? hosts : hosts.filter((host) => host === wanted);
  if (only === undefined) throw new PolicyError('--registry', name, notServed(settings));
  if (others.length > 0) throw new PolicyError('--registry', undefined, `say which one: ${notServed(settings)}`);
  return inUseAt(only, evidenceFrom(settings, ledger.system.clock), ledger, signal);
}

interface Named {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly config?: string;
  readonly source: string;
}

const keyOf = ({ repository, tag, digest, config, source }: Named): string =>
  JSON.stringify([repository, tag, digest, config, source]);

/** What a source says, or that it did not say it in time. */
async function readInTime(
  source: Source,
  registry: string,
  clock: Clock,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<Evidence> {
  const late = new AbortController();
  const until = AbortSignal.any([late.signal, ...(signal ? [signal] : [])]);
  const problem = `it gave no answer within ${Math.round(milliseconds / 1_000)} s`;
  const unanswered = (why: string): Evidence => ({
    source: source.name,
    observedAt: new Date(clock.now()).toISOString(),
    scope: 'nothing: it could not be read',
    complete: false,
    problems: [why],
    facts: [],
  });
  const answered = new AbortController();
  const abort = clock.after(milliseconds, () => late.abort(new Error(problem)));
  const tooLate = clock.sleep(milliseconds + GRACE_MS, answered.signal).then(() => unanswered(problem));
  try {
    return await Promise.race([source.read(registry, until), tooLate]);
  } catch (error) {
    return unanswered((error as Error).message);
  } finally {
    abort.cancel();
    answered.abort();
  }
}
