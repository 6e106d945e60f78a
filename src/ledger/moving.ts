import type { Decision } from '../planner/decision.ts';
import type { MovingTag } from '../policy/moving-tags.ts';

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

/** Of one repository. */
const MAX_MOVING = 20;
export const MAX_LOOKED_AT = 10_000;

function byTag({ tag }: MovingTag, other: MovingTag): number {
  return tag < other.tag ? -1 : 1;
}

/** A tag that is deleted and that a filter hardly means. */
export function movingTagOf(decision: Decision): MovingTag | undefined {
  if (decision.action !== 'delete') return undefined;
  const { repository, tag, filter } = decision;
  const kind = tag === undefined ? undefined : movingKind(tag);
  if (tag === undefined || kind === undefined || filter === undefined) return undefined;
  return { repository, tag, filter, kind };
}

/** The first of them by name: in an order of their own, since a run that was resumed has decided in another one. */
export function firstMoving(tags: readonly MovingTag[]): readonly MovingTag[] {
  return tags.toSorted(byTag).slice(0, MAX_MOVING);
}
