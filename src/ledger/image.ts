import type { ImageName } from './query.ts';

/** A login server in front, as image tools write it. */
const REGISTRY = /^(?:[a-z0-9-]+\.azurecr\.[a-z]+|[\w.-]+:\d+)\//i;

/** What an image tool calls an image; `undefined` for what names none. */
export function parseImage(text: string): ImageName | undefined {
  const image = text.trim().replace(REGISTRY, '');
  const byDigest = /^([^@]+)@([a-z0-9]+:[0-9a-f]{32,})$/.exec(image);
  if (byDigest) return { repository: byDigest[1] ?? '', digest: byDigest[2] ?? '' };
  const byTag = /^([^@]+):([^:/@]+)$/.exec(image);
  return byTag ? { repository: byTag[1] ?? '', tag: byTag[2] ?? '' } : undefined;
}
