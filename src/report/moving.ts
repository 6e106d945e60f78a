/** Names that move from image to image, of which none is meant by a filter for old tags. */
const NAMES: ReadonlySet<string> = new Set([
  'latest', 'main', 'master', 'trunk', 'stable', 'production', 'prod', 'live', 'current', 'lts', 'release',
]); // prettier-ignore

/** A plain version: `1.0.0`, `v2`. A number alone is as likely that of a build. */
const VERSION = /^(?:v\d+|v?\d+(?:\.\d+)+)$/;

/** Whether a tag moves from image to image by its name, or is a plain version; `undefined` for any other. */
export function movingKind(tag: string): 'name' | 'version' | undefined {
  if (NAMES.has(tag)) return 'name';
  return VERSION.test(tag) ? 'version' : undefined;
}
