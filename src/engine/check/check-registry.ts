import { toInstant } from '../../registry/time.ts';
import { CHECK_KINDS, type CheckKind, type RegistryCheck, type RegistryFinding } from '../../ledger/checks.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { compileGlob } from '../../policy/file/glob.ts';
import { timeOf } from '../../registry/clock.ts';
import { StoppedError } from '../../registry/errors.ts';
import type { RegistryReader } from '../../registry/types.ts';
import { STATE_OF } from '../../report/check-registry.ts';
import { interruptible } from '../../registry/abortable.ts';
import { checkRepository, type Found } from './check-repository.ts';
import { openReader, type OpenRegistry, type TargetOptions } from '../registries.ts';

/*
 * What is broken or left over in a registry, whichever client did it. Reads only.
 */

export interface CheckOptions {
  readonly ledger: Pick<Ledger, 'manifestCache' | 'quarantine' | 'system'>;
  /** Globs for the names of repositories; none: all. */
  readonly repositories?: readonly string[];
  /** What is locked for longer than that is old, in milliseconds. */
  readonly lockedOlderThan: number;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** Findings of a kind that are kept; of the others only the number. */
const MOST_OF_A_KIND = 500;

const PAGE = 100;

/** Why a repository is not known that the check did not come to, or was in the middle of. */
const ENDED = 'the check ended before it was looked at completely';

/** What was pushed so long ago is known to each replica of a registry. */
const SETTLED_MS = 3_600_000;

/**
 * Checks a registry. What cannot be looked at is a finding as well, so that it never counts as fine: also what is not
 * looked at because the signal is aborted.
 * @throws {PolicyError} for a glob that is none
 * @throws {RegistryError} where the repositories cannot be listed
 */
export async function checkRegistry(reader: RegistryReader, options: CheckOptions): Promise<RegistryCheck> {
  const { ledger, repositories = [], lockedOlderThan, concurrency, signal } = options;
  const { clock } = ledger.system;
  const at = timeOf(clock);
  const patterns = repositories.map((glob) => compileGlob(glob, 'repositories'));
  const all = await reader.repositories(PAGE, signal);
  const wanted = all.filter(
    (name) =>
      patterns.length === 0 ||
      patterns.some(({ expressions }) => expressions.every((expression) => expression.test(name))),
  );
  const counts: Partial<Record<CheckKind, number>> = {};
  const findings: RegistryFinding[] = [];
  const before = (milliseconds: number) => toInstant(new Date(clock.now() - milliseconds));
  const [lockedBefore, settledBefore] = [before(lockedOlderThan), before(SETTLED_MS)];
  let checked = 0;
  for (const repository of wanted) {
    const find = (found: Found): void => {
      const before = counts[found.kind] ?? 0;
      counts[found.kind] = before + (found.count ?? 1);
      if (before < MOST_OF_A_KIND) findings.push(inWords(reader.loginServer, repository, found));
    };
    if (signal?.aborted) {
      find({ kind: 'not-known', why: ENDED });
      continue;
    }
    try {
      await checkRepository({ ledger, reader, lockedBefore, settledBefore, concurrency }, repository, find);
      checked += 1;
    } catch (error) {
      find({ kind: 'not-known', why: error instanceof StoppedError ? ENDED : (error as Error).message });
    }
  }
  const placeOf = ({ kind }: RegistryFinding): number => CHECK_KINDS.indexOf(kind);
  return {
    registry: reader.loginServer,
    at,
    repositories: { checked, of: wanted.length },
    counts,
    findings: findings.sort((a, b) => placeOf(a) - placeOf(b)),
  };
}

/** A name for a command that a person copies: no registry takes another one, and a hostile one could give any. */
function inShell(name: string): string {
  return /^[\w.@:/-]+$/.test(name) ? name : '<name>';
}

/** What was found, for a person: what it is, and what to do. */
function inWords(registry: string, repository: string, found: Found): RegistryFinding {
  const { kind, tag, digest, since, count = 1 } = found;
  const image = tag === undefined ? `${repository}@${digest ?? ''}` : `${repository}:${tag}`;
  const name = digest === undefined && tag === undefined ? repository : image;
  const az = (what: string): string => `az acr ${what}`;
  const short = registry.split('.')[0] ?? registry;
  const subject = name === repository ? `--repository ${inShell(repository)}` : `--image ${inShell(name)}`;
  const update = (attributes: string): string => az(`repository update --name ${short} ${subject} ${attributes}`);
  const show = update('--read-enabled true');
  const list = update('--list-enabled true');
  const unlock = update('--delete-enabled true --write-enabled true');
  const other = found.other ?? '';
  const words: Readonly<Record<CheckKind, readonly [says: string, todo: string]>> = {
    'tag-without-manifest': [
      `${name} names a manifest that is not there (${digest ?? ''}): a pull of it fails`,
      `Push it again, or delete the tag: ${az(`repository untag --name ${short} --image ${inShell(name)}`)}`,
    ],
    'manifest-gone': [
      `${name} is listed, and the registry has no such manifest: a pull of it fails`,
      `Push it again, or delete it: ${az(`repository delete --name ${short} --image ${inShell(name)}`)}`,
    ],
    'platform-missing': [
      `${name} is an index, and one of its platforms is not there (${other}): a pull for that platform fails`,
      `Push the image again, or bring the platform back: acr-retention restore ${inShell(`${repository}@${other}`)} -r ${registry}`,
    ],
    unreadable: [
      `${name} is unreadable, and no run has put it into quarantine: a pull of it fails`,
      `Where that is not meant: ${show}`,
    ],
    'not-known': [
      `${name} could not be looked at: ${found.why ?? ''}`,
      'Check again, and grant what is missing: acr-retention status says which right that is',
    ],
    'referrer-without-image': [
      `${name} refers to an image that is not there (${other})`,
      'purge --untagged deletes it with a policy file that says orphanedReferrers: delete',
    ],
    'signature-without-image': [
      `${name} belongs to an image that is not in this repository (${other})`,
      `Where it signs no image of another repository, delete the tag: ${az(`repository untag --name ${short} --image ${inShell(name)}`)}`,
    ],
    hidden: [
      digest === undefined
        ? `${repository} has ${count === 1 ? '1 manifest' : `${count} manifests`} that no listing shows, and that nothing names`
        : `${name} exists, and no listing shows it (listEnabled is false)`,
      digest === undefined
        ? 'Who hid them knows their digests; the log of the registry has who changed what'
        : `Where that is not meant: ${list}`,
    ],
    'locked-and-old': [`${name} is locked, and was not changed for long`, `To unlock it: ${unlock}`],
    'repository-locked': [
      `${repository} is locked as a whole: nothing in it can be deleted`,
      `To unlock it: ${unlock}`,
    ],
    'repository-empty': [
      `${repository} has neither tags nor manifests`,
      `To delete it: ${az(`repository delete --name ${short} --repository ${inShell(repository)}`)}`,
    ],
  };
  const [says, todo] = words[kind];
  return {
    kind,
    state: STATE_OF[kind],
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    ...(since !== undefined && { since }),
    says,
    todo,
  };
}

/**
 * The same of a registry that a person names.
 * @throws {PolicyError | RegistryError} as `checkRegistry`; `StoppedError` where not even the repositories were listed
 */
export async function checkRegistryAt(
  target: TargetOptions,
  options: Omit<CheckOptions, 'concurrency'>,
  open?: OpenRegistry,
): Promise<RegistryCheck> {
  const { concurrency } = target;
  const reader = await openReader(target, open);
  const { signal } = options;
  return checkRegistry(signal ? interruptible(reader, signal) : reader, { ...options, concurrency });
}
