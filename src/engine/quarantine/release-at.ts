import { isRunId } from '../../ledger/paths.ts';
import { hostIn, parseImage } from '../../ledger/reader.ts';
import type { RunSummary } from '../../ledger/summary.ts';
import { openRegistry, readOnly, type TargetOptions } from '../registries.ts';
import { type ReleaseOptions, releaseQuarantine, ReleaseRefused, type ToRelease } from './release-now.ts';

/**
 * What a person means: the id of a run, or an image by its tag or digest.
 * @returns with the login server, where the image names one
 * @throws {ReleaseRefused}
 */
export function whatToRelease(text: string): { readonly toRelease: ToRelease; readonly host: string | undefined } {
  if (isRunId(text)) return { toRelease: { run: text }, host: undefined };
  const image = parseImage(text);
  const reference = image && (image.digest ?? image.tag);
  if (!image || reference === undefined)
    throw new ReleaseRefused(`${text} is neither the id of a run nor an image: repository:tag, or repository@sha256:…`);
  return { toRelease: { repository: image.repository, reference }, host: hostIn(text) };
}

/**
 * The same at a registry. A dry run is given one that cannot be changed.
 * @throws as `releaseQuarantine`
 */
export async function releaseAt(target: TargetOptions, dryRun: boolean, options: ReleaseOptions): Promise<RunSummary> {
  const registry = await openRegistry(target);
  const reader = dryRun ? readOnly(registry) : registry;
  return releaseQuarantine({ reader, writer: dryRun ? undefined : registry }, options);
}
