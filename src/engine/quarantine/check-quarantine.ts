import { createHash, randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../registry/clock.ts';
import type { Again, ManifestRecord, Registry, Sending, TagRecord, Tried } from '../../registry/types.ts';
import type { CheckFinding, QuarantineCheck } from '../../report/check-quarantine.ts';
import { type Access, accessOf } from '../rights.ts';
import { openRegistry, type TargetOptions } from '../registries.ts';

/*
 * Finds out what the documentation of Azure leaves open, on a registry that a person names: with a tiny image of its own,
 * which is deleted on every way out.
 */

const SMALL = { manifest: 'application/vnd.oci.image.manifest.v1+json', config: 'application/vnd.oci.image.config.v1+json', layer: 'application/vnd.oci.image.layer.v1.tar' } as const; // prettier-ignore

/** An attribute may take a moment until each replica knows it. */
const LOOKS = 6;
const BETWEEN_MS = 1_000;

/** How long it may take to clean up, once it is told to stop. */
const CLEANUP_MS = 60_000;

interface Options {
  readonly repository: string;
  /** Told each finding as it comes. */
  readonly onFinding: (finding: CheckFinding) => void;
  /** Once aborted, it cleans up and ends. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** The image: a config and an empty layer, and told from every other one by its name. */
function imageOf(id: string) {
  const described = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
  });
  const config = Buffer.from(JSON.stringify({ architecture: 'none', os: 'none', config: { Labels: { check: id } }, rootfs: { type: 'layers', diff_ids: [] } })); // prettier-ignore
  const layer = Buffer.alloc(1_024);
  const [ofConfig, ofLayer] = [described(config, SMALL.config), described(layer, SMALL.layer)];
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: SMALL.manifest, config: ofConfig, layers: [ofLayer] }),
  );
  return {
    blobs: [
      { descriptor: ofConfig, bytes: config },
      { descriptor: ofLayer, bytes: layer },
    ],
    manifest: { mediaType: SMALL.manifest, bytes },
    digest: described(bytes, SMALL.manifest).digest,
    tag: `acr-retention-check-${id}`,
  };
}

/**
 * Tries a quarantine from its beginning to its end: pushes, makes unreadable, pulls, looks, makes readable, deletes.
 * @param access what is known of the rights before; nothing is changed to find that out
 */
export async function checkQuarantine(
  registry: Registry,
  access: Access,
  { repository, onFinding, signal, clock = systemClock }: Options,
): Promise<QuarantineCheck> {
  const image = imageOf(randomBytes(8).toString('hex'));
  const { digest, tag } = image;
  const findings: CheckFinding[] = [];
  const find = (name: CheckFinding['name'], state: CheckFinding['state'], says: string): boolean => {
    const finding = { name, state, says };
    findings.push(finding);
    onFinding(finding);
    return state !== 'failed';
  };
  const lookNow = async (): Promise<{ readonly manifest?: ManifestRecord; readonly tag?: TagRecord }> => {
    const manifest = await registry.manifestAttributes(repository, digest, signal);
    const named = (await registry.lookAtTags(repository, [tag], Infinity, signal)).get(tag);
    return { ...(manifest && { manifest }), ...(named && { tag: named }) };
  };
  const pull = async (reference: string): Promise<string | undefined> => {
    try {
      return (await registry.content.manifest(repository, reference, signal)) ? undefined : 'the registry answers 404';
    } catch (error) {
      if (signal.aborted) throw error;
      return (error as Error).message;
    }
  };
  /** Pulls until the answer is what is waited for, or for some seconds. */
  const pullUntil = async (reference: string, isWanted: (refusal: string | undefined) => boolean) => {
    for (let look = 1; ; look += 1) {
      const refusal = await pull(reference);
      if (isWanted(refusal) || look === LOOKS) return refusal;
      await clock.sleep(BETWEEN_MS, signal);
    }
  };
  const setReadable = async (name: CheckFinding['name'], what: string, reference: string, isReadable: boolean) => {
    const result = isReadable
      ? await registry.show(repository, reference)
      : await settled(clock, signal, registry, (sending) => registry.hide(repository, reference, sending));
    const isDone = result.state === 'hidden' || result.state === 'shown';
    const made = `${what} was made ${isReadable ? 'readable' : 'unreadable'}`;
    return find(name, isDone ? 'yes' : 'failed', isDone ? made : `${what}: ${whyNot(result)}`);
  };
  const moved = (name: CheckFinding['name'], what: string, before?: Timed, after?: Timed): void => {
    const [from, to] = [timeOf(before), timeOf(after)];
    if (from === undefined || to === undefined) find(name, 'unsure', `the registry gives no time of ${what}`);
    else if (from === to) find(name, 'no', `lastUpdateTime of ${what} stayed ${from}`);
    else find(name, 'yes', `lastUpdateTime of ${what} moved from ${from} to ${to}; the record keeps the original`);
  };

  let isPushed = false;
  const end = (): QuarantineCheck => ({ repository, tag, digest, access, findings, works: worksBy(findings) });
  try {
    try {
      for (const { descriptor, bytes } of image.blobs)
        await registry.content.putBlob(repository, descriptor, () => once(bytes), signal);
      isPushed = true;
      await registry.content.putManifest(repository, tag, image.manifest, signal);
      find('push', 'yes', `pushed ${repository}:${tag}`);
    } catch (error) {
      if (signal.aborted) throw error;
      find('push', 'failed', (error as Error).message);
      return end();
    }
    const before = await lookNow();
    if (await setReadable('hide-manifest', 'the manifest', digest, false)) {
      const refusal = await pullUntil(digest, (why) => why !== undefined);
      if (refusal === undefined) find('pull', 'failed', 'the manifest can still be pulled by its digest');
      else find('pull', 'yes', `a pull by digest fails: ${refusal}`);
      const byTag = await pull(tag);
      find('pull-tag', byTag === undefined ? 'no' : 'yes', byTag === undefined ? 'the tag alone can still be pulled' : `a pull by the tag fails as well: ${byTag}`); // prettier-ignore
      const hidden = await lookNow();
      if (hidden.manifest?.unreadable) find('listed', 'yes', 'the manifest is still there, with readEnabled false');
      else find('listed', 'failed', 'the attributes do not say that it is unreadable');
      moved('time-manifest', 'the manifest', before.manifest, hidden.manifest);
      await setReadable('show-manifest', 'the manifest', digest, true);
    }
    const shown = await lookNow();
    if (await setReadable('hide-tag', 'the tag', tag, false)) {
      const hidden = await lookNow();
      moved('time-tag', 'the tag', shown.tag, hidden.tag);
      await setReadable('show-tag', 'the tag', tag, true);
    }
    const refusal = await pullUntil(tag, (why) => why === undefined);
    if (refusal === undefined) find('pull-again', 'yes', 'it can be pulled again');
    else find('pull-again', 'failed', `it cannot be pulled again: ${refusal}`);
    // As a run finds it once its time is over.
    await setReadable('hide-again', 'the manifest', digest, false);
    const gone = await settled(clock, signal, registry, (sending) =>
      registry.deleteManifest(repository, digest, sending),
    );
    const isGone = gone.state === 'deleted' || gone.state === 'already-gone';
    find('delete', isGone ? 'yes' : 'failed', isGone ? 'what is unreadable can be deleted' : `what is unreadable cannot be deleted: ${whyNot(gone)}`); // prettier-ignore
    if (isGone) isPushed = false;
    return end();
  } catch (error) {
    find('stopped', 'failed', signal.aborted ? 'it was told to stop' : (error as Error).message);
    return end();
  } finally {
    if (isPushed) await cleanUp(registry, clock, { repository, digest, tag }, find);
  }
}

type Timed = Pick<TagRecord, 'lastUpdated'>;

function timeOf(record: Timed | undefined): string | undefined {
  return record?.lastUpdated;
}

/** What must be so for a quarantine to work. Whether times move is handled either way. */
const NEEDED: readonly CheckFinding['name'][] = ['push', 'hide-manifest', 'pull', 'listed', 'show-manifest', 'hide-tag', 'show-tag', 'pull-again', 'hide-again', 'delete']; // prettier-ignore

function worksBy(findings: readonly CheckFinding[]): boolean {
  return NEEDED.every((name) => findings.some((one) => one.name === name && one.state === 'yes'));
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

interface Outcome {
  readonly state: string;
  readonly error?: Error;
}

function whyNot({ state, error }: Outcome): string {
  return error?.message ?? state;
}

/** Sends a change until it is made, or given up. */
async function settled<T extends { readonly state: string }>(
  clock: Clock,
  signal: AbortSignal,
  registry: Registry,
  send: (sending: Sending) => Promise<T | Again>,
): Promise<Exclude<T, Again>> {
  let tried: Tried | undefined;
  for (;;) {
    const reservation = await registry.reserve(1, signal);
    try {
      const result = await send({ since: clock.ticks(), reservation, signal, ...(tried && { tried }) });
      if (!isAgain(result)) return result as Exclude<T, Again>;
      tried = result.tried;
      await clock.sleep(result.after, signal);
    } finally {
      reservation.release();
    }
  }
}

function isAgain(result: { readonly state: string }): result is Again {
  return result.state === 'again';
}

/** Deletes the image, also after it was told to stop. */
async function cleanUp(
  registry: Registry,
  clock: Clock,
  { repository, digest, tag }: { readonly repository: string; readonly digest: string; readonly tag: string },
  find: (name: CheckFinding['name'], state: CheckFinding['state'], says: string) => unknown,
): Promise<void> {
  const late = new AbortController();
  const timer = clock.after(CLEANUP_MS, () => late.abort());
  const left = (why: string) =>
    find('clean-up', 'failed', `${repository}:${tag} (${digest}) may be left: ${why}. Delete it: az acr repository delete --image ${repository}@${digest}`); // prettier-ignore
  try {
    if (!(await registry.manifestAttributes(repository, digest, late.signal))) return;
    const gone = await settled(clock, late.signal, registry, (sending) =>
      registry.deleteManifest(repository, digest, sending),
    );
    if (gone.state === 'deleted' || gone.state === 'already-gone') find('clean-up', 'yes', 'the image was deleted');
    else left(whyNot(gone));
  } catch (error) {
    left((error as Error).message);
  } finally {
    timer.cancel();
  }
}

/** The same at a registry, with what is known of the rights before. */
export async function checkQuarantineAt(target: TargetOptions, options: Options): Promise<QuarantineCheck> {
  const needs = { catalog: false, deletes: true, unlocks: false, hides: true, repositories: [options.repository] };
  const access = await accessOf(target, needs, options.signal);
  return checkQuarantine(await openRegistry(target), access, options);
}
