import type { Ledger } from '../../ledger/ledger.ts';
import type { Configuration } from '../../policy/settings.ts';
import type { QuarantineReport, Waiting, WaitingIn } from '../../report/quarantine.ts';
import { servedRegistry, settingsOf } from '../registries.ts';

/** What of the ledger it reads. */
type Reads = Pick<Ledger, 'quarantine' | 'quarantines' | 'system'>;

/**
 * What is in quarantine in a registry, by the ledger alone: the registry is not asked.
 * @param repositories only these; none: all
 * @throws {LedgerError}
 */
export async function listQuarantine(
  ledger: Reads,
  registry: string,
  repositories: readonly string[] = [],
): Promise<QuarantineReport> {
  const asOf = new Date(ledger.system.clock.now()).toISOString();
  const found =
    repositories.length === 0
      ? await Array.fromAsync(ledger.quarantines(registry))
      : await Promise.all([...new Set(repositories)].map((name) => ledger.quarantine(registry, name)));
  const waiting = found.flatMap(({ repository, entries }) =>
    entries.map((entry): Waiting => {
      const { kind, tag, digest, tags, state, since, until, runId, reason, detail, rule, size, root } = entry;
      return {
        repository, kind, ...(tag !== undefined && { tag }), digest, tags, state, since, until, isOver: until <= asOf,
        runId, reason, detail, ...(rule !== undefined && { rule }), ...(size !== undefined && { size }), root,
      }; // prettier-ignore
    }),
  );
  const released = found.flatMap(({ repository, released: some }) => some.map((one) => ({ repository, ...one })));
  const byRepository = found.flatMap(({ repository }): readonly WaitingIn[] => {
    const own = waiting.filter((one) => one.repository === repository);
    const [since, until] = [own.map((one) => one.since).sort()[0], own.map((one) => one.until).sort()[0]];
    return since === undefined || until === undefined ? [] : [{ repository, ...amountOf(own), since, until }];
  });
  return {
    registry,
    asOf,
    total: { ...amountOf(waiting), over: waiting.filter(({ isOver }) => isOver).length },
    repositories: byRepository.toSorted((a, b) => b.bytes - a.bytes || (a.repository < b.repository ? -1 : 1)),
    waiting: inOrder(waiting),
    released: released.toSorted((a, b) => (a.at < b.at ? 1 : -1)),
  };
}

/** The same of a registry that the app serves. @param name `undefined`: the only one @throws {Misconfigured | PolicyError} */
export function requestedQuarantine(
  configuration: Configuration,
  ledger: Reads,
  { registry, repositories }: { readonly registry: string | undefined; readonly repositories: readonly string[] },
): Promise<QuarantineReport> {
  const { host } = servedRegistry(settingsOf(configuration), registry).endpoint;
  return listQuarantine(ledger, host, repositories);
}

function amountOf(some: readonly Waiting[]) {
  const manifests = some.filter(({ kind }) => kind === 'manifest');
  const tags = some.flatMap(({ repository, kind, tag, tags: all }) =>
    (kind === 'tag' ? [tag ?? ''] : all).map((one) => `${repository}:${one}`),
  );
  return {
    tags: new Set(tags).size,
    manifests: manifests.length,
    images: new Set(some.map(({ repository, root }) => `${repository}@${root}`)).size,
    bytes: manifests.reduce((sum, { size = 0 }) => sum + size, 0),
  };
}

/** The image whose time is over first comes first, with its parts behind it. */
function inOrder(waiting: readonly Waiting[]): readonly Waiting[] {
  const first = new Map<string, string>();
  const imageOf = ({ repository, root }: Waiting): string => `${repository}@${root}`;
  for (const one of waiting) {
    const known = first.get(imageOf(one));
    if (known === undefined || one.until < known) first.set(imageOf(one), one.until);
  }
  const placeOf = ({ kind, digest, root }: Waiting): number => (digest !== root ? 2 : kind === 'manifest' ? 0 : 1);
  const keyOf = (one: Waiting): string =>
    [first.get(imageOf(one)) ?? '', imageOf(one), placeOf(one), one.kind, one.tag ?? '', one.digest].join(' ');
  return waiting
    .map((one) => ({ one, key: keyOf(one) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ one }) => one);
}
