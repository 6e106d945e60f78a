import prettyBytes from 'pretty-bytes';
import type { QuarantineEntry, Released } from '../ledger/quarantine.ts';
import type { Sheet } from './csv.ts';
import { printable } from './escape.ts';
import { minute, plural } from './page/format.ts';
import { PLAIN_STYLE, sentence, type Style } from './style.ts';
import { renderTable } from './table.ts';
import { shortDigests } from './text.ts';

/** A tag or a manifest in quarantine, for programs. */
export type Waiting = Pick<
  QuarantineEntry,
  | 'kind'
  | 'tag'
  | 'digest'
  | 'tags'
  | 'state'
  | 'since'
  | 'until'
  | 'runId'
  | 'reason'
  | 'detail'
  | 'rule'
  | 'size'
  | 'root'
> & {
  readonly repository: string;
  /** Its time is over: the next run deletes it, unless it is kept for something by then. */
  readonly isOver: boolean;
};

/** How much of a repository waits. */
export interface WaitingIn {
  readonly repository: string;
  /** Tags that cannot be pulled: by themselves, or because their manifest cannot. */
  readonly tags: number;
  readonly manifests: number;
  /** Images: each with all that belongs to it. */
  readonly images: number;
  /** What its manifests hold, at most: layers are shared. */
  readonly bytes: number;
  /** Since when the first waits, and when the first may be deleted. */
  readonly since: string;
  readonly until: string;
}

/** What is in quarantine in a registry. */
export interface QuarantineReport {
  /** Its login server. */
  readonly registry: string;
  readonly asOf: string;
  readonly total: Omit<WaitingIn, 'repository' | 'since' | 'until'> & { readonly over: number };
  readonly repositories: readonly WaitingIn[];
  /** What may be deleted first comes first; what belongs together stands together. */
  readonly waiting: readonly Waiting[];
  /** What was released, and is kept for a while. */
  readonly released: readonly (Released & { readonly repository: string })[];
}

/** A line each; several tags are separated by blanks, which no tag has. */
export const WAITING: Sheet<Waiting> = {
  columns: [
    'repository',
    'kind',
    'tag',
    'digest',
    'tags',
    'since',
    'until',
    'size',
    'reason',
    'detail',
    'rule',
    'root',
    'state',
    'runId',
  ],
  cells: (one) => ({ ...one, tags: one.tags.join(' ') }),
};

/** Artifacts that a table shows. */
const MOST = 100;

export function renderQuarantine(report: QuarantineReport, style: Style = PLAIN_STYLE, most = MOST): string {
  const { registry, waiting, released } = report;
  const host = printable(registry);
  if (waiting.length === 0) {
    const back = released.length === 0 ? '' : ` ${releasedInWords(report)}`;
    return `${sentence(style, `Nothing is in quarantine in ${host}.${back}`, '')}\n`;
  }
  const shown = waiting.slice(0, most);
  const rows = shown.map((one) => [
    printable(shortDigests(imageOf(one))),
    printable(tagsOf(one)),
    minute(one.since),
    one.isOver ? 'over' : minute(one.until),
    one.kind === 'tag' || one.size === undefined ? '' : prettyBytes(one.size),
    printable(belongsTo(one)),
  ]);
  const head = ['IN QUARANTINE', 'TAGS', 'SINCE', 'UNTIL', 'SIZE', 'BELONGS TO'];
  const parts = [
    renderTable(style, { head, right: [4], names: [0, 1, 5] }, rows),
    ...(waiting.length > shown.length ? [`and ${waiting.length - shown.length} more; --output csv has all`] : []),
    sentence(style, waitingInWords(report), ''),
    ...(released.length === 0 ? [] : [sentence(style, releasedInWords(report), '')]),
    sentence(
      style,
      'acr-retention release <image> makes one readable again, with all that belongs to it; --output ndjson says why each is to be deleted.',
      '',
    ),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** As image tools name it. */
function imageOf({ repository, kind, tag, digest }: Waiting): string {
  return kind === 'tag' && tag !== undefined ? `${repository}:${tag}` : `${repository}@${digest}`;
}

const MOST_TAGS = 3;

/** The tags that name it, which are as unreadable. */
function tagsOf({ kind, tags }: Waiting): string {
  if (kind === 'tag') return '';
  const more = tags.length > MOST_TAGS ? ` and ${tags.length - MOST_TAGS} more` : '';
  return `${tags.slice(0, MOST_TAGS).join(' ')}${more}`;
}

/** The image that it is a part of; nothing where that is itself. */
function belongsTo({ kind, digest, root }: Waiting): string {
  return kind === 'manifest' && root === digest ? '' : shortDigests(root);
}

/** How much waits, and when the first of it may be deleted. */
export function waitingInWords({ registry, total, waiting }: QuarantineReport): string {
  const { images, tags, manifests, bytes, over } = total;
  const [first] = waiting;
  const soon =
    over > 0
      ? `The time of ${plural(over, 'artifact')} is over: the next run deletes ${over === 1 ? 'it' : 'them'}, unless it finds a reason to keep ${over === 1 ? 'it' : 'them'}.`
      : first
        ? `The first may be deleted from ${minute(first.until)} UTC on.`
        : '';
  return `${plural(images, 'image')} in quarantine in ${printable(registry)}: ${plural(tags, 'tag')} and ${plural(manifests, 'manifest')}, at most ${prettyBytes(bytes)}. ${soon}`.trim();
}

export function releasedInWords({ released }: Pick<QuarantineReport, 'released'>): string {
  const one = released.length === 1;
  return `${plural(released.length, 'artifact')} ${one ? 'was' : 'were'} released, and ${one ? 'is' : 'are'} kept for a while.`;
}
