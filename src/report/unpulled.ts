import prettyBytes from 'pretty-bytes';
import { printable } from './escape.ts';
import { PLAIN_STYLE, sentence, type Style } from './style.ts';
import { renderTable } from './table.ts';

/** An image that was not pulled for some time. */
export interface UnpulledImage {
  readonly repository: string;
  readonly digest: string;
  readonly tags: readonly string[];
  /** What it holds alone, in bytes, as the registry says. */
  readonly bytes: number;
  /** ISO 8601, UTC. */
  readonly pushed?: string;
  /** Before that time. Absent: none is known. */
  readonly lastPull?: string;
}

/** What of a registry was not pulled for some time. */
export interface UnpulledReport {
  /** Its login server. */
  readonly registry: string;
  /** For how long, as it was asked. */
  readonly within: string;
  readonly observedAt: string;
  /** Since when every pull is known: ISO 8601, UTC. Absent: it is not known what was pulled. */
  readonly since?: string;
  /** Pulls are known for as long as was asked. Otherwise the images are those that were not pulled since then. */
  readonly isLongEnough: boolean;
  /** What could not be found out. */
  readonly problems: readonly string[];
  /** How many repositories were looked at, of those of the registry. */
  readonly looked: { readonly repositories: number; readonly of: number };
  /** There are repositories behind this one that were not looked at yet. */
  readonly next?: string;
  /** All images that were found in those repositories, also where only the largest are listed. */
  readonly total: { readonly images: number; readonly bytes: number };
  /** Where they are, the largest first: how many of its images, and what these hold. */
  readonly repositories: readonly {
    readonly repository: string;
    readonly images: number;
    readonly of: number;
    readonly bytes: number;
  }[];
  /** The largest first. */
  readonly images: readonly UnpulledImage[];
}

/** Images that a table shows. */
const MOST = 100;

/** @param most so many images; the others are only counted */
export function renderUnpulled(report: UnpulledReport, style: Style = PLAIN_STYLE, most = MOST): string {
  const { images, total, problems } = report;
  const rows = images
    .slice(0, most)
    .map(({ repository, digest, tags, bytes, pushed, lastPull }) => [
      printable(`${repository}@${digest.slice(0, 19)}`),
      printable(tags.slice(0, 3).join(' ')) + (tags.length > 3 ? ` and ${tags.length - 3} more` : ''),
      pushed?.slice(0, 10) ?? 'not known',
      lastPull?.slice(0, 10) ?? 'none known',
      prettyBytes(bytes),
    ]);
  const head = ['IMAGE', 'TAGS', 'PUSHED', 'LAST PULL', 'SIZE'];
  const parts = [
    ...(rows.length === 0 ? [] : [renderTable(style, { head, right: [4], names: [0, 1] }, rows)]),
    ...(total.images > rows.length ? [`and ${total.images - rows.length} smaller ones`] : []),
    sentence(style, unpulledInWords(report), ''),
    ...problems.map((problem) => sentence(style, printable(problem), '')),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** How much was not pulled, and since when that is known. */
export function unpulledInWords({ registry, within, since, isLongEnough, looked, total }: UnpulledReport): string {
  const host = printable(registry);
  if (since === undefined) return `It is not known what was pulled of ${host}.`;
  const count = total.images === 1 ? 'One image' : `${total.images} images`;
  const where = looked.repositories < looked.of ? `in ${looked.repositories} of ${looked.of} repositories of` : 'of';
  const day = since.slice(0, 10);
  const what = `${count} ${where} ${host} (${prettyBytes(total.bytes)}) ${total.images === 1 ? 'was' : 'were'} not pulled`;
  return isLongEnough
    ? `${what} for ${printable(within)}; every pull is known since ${day}.`
    : `${what} since ${day}. Pulls are not known for as long as ${printable(within)}: any of these may have been pulled before that day.`;
}
