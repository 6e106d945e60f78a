import { fromError } from '../../executor/results.ts';
import type { DecisionError, Restored } from '../../planner/decision.ts';
import { pushedSince } from '../../planner/restore.ts';
import { RegistryError, StoppedError } from '../../registry/errors.ts';
import type { Lock, Registry } from '../../registry/types.ts';
import { lockedAgain, withoutLock } from './restore-locks.ts';
import type { Copied } from './restore-repository.ts';

/** A manifest with its tags, which come back together. */
export interface Unit {
  readonly digest: string;
  /** Absent: it is there, and only tags are to come back. */
  readonly manifest: Restored | undefined;
  readonly tags: readonly Restored[];
  /** How its manifest was locked before it was deleted. */
  readonly lock?: Lock | undefined;
}

interface Bringing {
  readonly copied: readonly Copied[];
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** Said of what was not tried any more. */
  readonly stopped: DecisionError;
}

export interface BroughtBack {
  readonly results: readonly Restored[];
  /** What it holds; `undefined`: it is back, and that could not be read. */
  readonly children: readonly string[] | undefined;
}

/**
 * Brings a manifest back and then its tags. Each is looked at right before it is changed, and again afterwards: what the
 * registry does not show then has failed. Never throws for what the registry answers.
 */
export async function bringBack(
  registry: Registry,
  repository: string,
  { digest, manifest, tags, lock }: Unit,
  bringing: Bringing,
): Promise<BroughtBack> {
  const { copied, force, signal, stopped } = bringing;
  const { content } = registry;
  const failed = (decision: Restored, error: unknown): Restored =>
    error instanceof StoppedError
      ? { ...decision, outcome: 'not-attempted', error: stopped }
      : withError(decision, error);

  const tagNow = async (tag: string) => (await registry.lookAtTags(repository, [tag], Infinity, signal)).get(tag);

  /** The first tag that may be set along with the manifest. */
  async function firstFree(): Promise<string | undefined> {
    for (const { tag = '' } of tags) {
      const now = await tagNow(tag);
      if (!now || force) return tag;
    }
    return undefined;
  }

  async function restoreManifest(): Promise<string | undefined> {
    let problem: RegistryError | undefined;
    for (const { way, copies } of copied) {
      if (!copies.has(digest)) continue;
      const first = await firstFree();
      // It comes back without a tag that another client has set meanwhile, or that the registry keeps no more.
      for (const tag of first === undefined ? [undefined] : [first, undefined]) {
        try {
          if (await way.restore(content, { repository, digest, tag }, { force, signal })) return tag;
        } catch (error) {
          if (!(error instanceof RegistryError) || error instanceof StoppedError) throw error;
          problem ??= error;
          if (error.status !== 409) break;
        }
      }
    }
    throw problem ?? new RegistryError(`restore ${repository}@${digest}`, { message: 'its copy is gone by now' });
  }

  const results: Restored[] = [];
  let set: string | undefined;
  let wasThere: boolean;
  try {
    wasThere = (await registry.manifestAttributes(repository, digest, signal)) !== undefined;
    if (!wasThere) set = await restoreManifest();
    const now = await registry.manifestAttributes(repository, digest, signal);
    if (!now) throw new RegistryError(`restore ${repository}@${digest}`, { message: 'the registry does not show it' });
    await readable(registry, repository, { name: digest, ...now }, signal);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const first = manifest ? failed(manifest, error) : undefined;
    const why = { message: `its manifest is not there: ${error.message}` };
    const others = tags.map((one): Restored =>
      error instanceof StoppedError ? failed(one, error) : { ...one, outcome: 'not-attempted', error: why },
    );
    return { results: [...(first ? [first] : []), ...others], children: [] };
  }
  for (const decision of tags)
    results.push(await restoreTag(decision).catch((error: unknown) => failed(decision, error)));
  // Last: the registry takes no tag of what is locked. So a manifest is not locked while one of its tags is not back.
  const isWaiting = lock?.writeEnabled === false && results.some(isStillToCome);
  const without = isWaiting ? unlocked(digest) : lock && (await withoutLock(registry, repository, digest, lock));
  if (manifest)
    results.unshift(without ? { ...manifest, outcome: 'failed', error: without } : back(manifest, wasThere));
  const [first] = results;
  if (without && first && !manifest && !isWaiting) results[0] = { ...first, outcome: 'failed', error: without };
  return { results, children: wasThere ? [] : await childrenOf(registry, repository, digest) };

  async function restoreTag(decision: Restored): Promise<Restored> {
    const { tag = '' } = decision;
    const before = await tagNow(tag);
    if (before?.digest === digest) return lockedAgain(registry, repository, back(decision, set !== tag));
    if (before && !force) return pushedSince(decision, before.digest ?? 'another manifest');
    // With its time and its attributes, where the registry has it still.
    const isSoft = copied.some(({ copies }) => copies.reason === 'soft-deleted' && copies.named(tag).includes(digest));
    const came = isSoft ? await content.restoreDeleted(repository, digest, tag, { force }, signal) : undefined;
    if (came?.state !== 'restored') {
      const bytes = await content.manifest(repository, digest, signal);
      if (!bytes) throw new RegistryError(`read ${repository}@${digest}`, { message: 'there is no such manifest' });
      // A registry that refused it may have done so because another client has pushed it meanwhile.
      const meanwhile = await tagNow(tag);
      if (meanwhile && meanwhile.digest !== digest && !force)
        return pushedSince(decision, meanwhile.digest ?? 'another manifest');
      if (meanwhile?.digest !== digest) await content.putManifest(repository, tag, bytes, signal);
    }
    const now = await tagNow(tag);
    if (now?.digest !== digest)
      throw new RegistryError(`restore ${repository}:${tag}`, {
        message: `the registry shows it as ${now?.digest ?? 'not there'}`,
      });
    await readable(registry, repository, now, signal);
    return lockedAgain(registry, repository, back(decision, false));
  }
}

/** What was in quarantine when it was deleted comes back readable. */
async function readable(
  registry: Registry,
  repository: string,
  { name, unreadable }: { readonly name: string; readonly unreadable?: true },
  signal: AbortSignal,
): Promise<void> {
  if (!unreadable) return;
  const shown = await registry.show(repository, name, signal);
  if ('error' in shown) throw shown.error;
}

function isStillToCome({ outcome, reason }: Restored): boolean {
  return outcome !== 'restored' && outcome !== 'already-there' && reason !== 'pushed-since';
}

function unlocked(digest: string): DecisionError {
  return { message: `${digest} is back without its lock, which would keep its other tags out: restore it again` };
}

function back(decision: Restored, wasThere: boolean): Restored {
  return wasThere
    ? { ...decision, reason: 'is-there', outcome: 'already-there' }
    : { ...decision, outcome: 'restored' };
}

function withError(decision: Restored, error: unknown): Restored {
  if (!(error instanceof RegistryError)) throw error;
  const { state, error: described } = fromError(error);
  const outcome = state === 'refused' ? 'refused' : 'failed';
  return { ...decision, outcome, error: described ?? { message: error.message } };
}

async function childrenOf(registry: Registry, repository: string, digest: string): Promise<BroughtBack['children']> {
  const facts = await registry.manifest(repository, digest);
  return facts.state === 'read' ? facts.children.map((child) => child.digest) : undefined;
}
