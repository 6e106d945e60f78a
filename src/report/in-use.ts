import type { UsedImage } from '../ledger/in-use.ts';
import type { EvidenceRecord } from '../ledger/records.ts';
import { printable } from './escape.ts';
import { labelled, paint, PLAIN_STYLE, sentence, type Style } from './style.ts';
import { renderFacts, renderTable } from './table.ts';

/** An image as a source names it, and where it runs. */
type SeenImage = Omit<UsedImage, 'source' | 'first' | 'last'>;

/** What a source says of a registry now. */
interface SourceReport extends EvidenceRecord {
  /** Images of the registry; `images` is their number. */
  readonly uses: readonly SeenImage[];
}

/** What is known of the use of a registry, for a person who tries the sources out. */
export interface InUseReport {
  /** Its login server. */
  readonly registry: string;
  /** `incomplete`: a source could not be read completely, and a run would delete nothing. */
  readonly state: 'complete' | 'incomplete' | 'not-configured';
  readonly sources: readonly SourceReport[];
  /** What earlier runs saw in use, and the sources do not name now: it is kept, too. */
  readonly remembered: readonly UsedImage[];
}

/** What the sources say, with what could not be read on top. */
export function renderInUse(report: InUseReport, style: Style = PLAIN_STYLE): string {
  const { registry, state, sources, remembered } = report;
  const missing = sources.filter(({ complete }) => !complete);
  const consequence = `a run that deletes would delete nothing of ${printable(registry)}, and end with exit code 1, until each source is read completely`;
  const parts = [
    ...(missing.length === 0 ? [] : [missing.map((one) => renderProblem(one, style)).join('\n')]),
    ...(state === 'incomplete' ? [sentence(style, `While this is so, ${consequence}.`, '')] : []),
    ...sources.map((one) => renderSource(one, style)),
    renderRemembered(remembered, style),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** What keeps a source from being complete: `INCOMPLETE: kube prod: pods cannot be listed: … (403)`. */
function renderProblem({ source, problems = [] }: SourceReport, style: Style): string {
  const why = problems.length === 0 ? 'it does not say why' : problems.join('; ');
  return labelled(style, 'red', 'INCOMPLETE:', printable(`${source}: ${why}`));
}

function renderSource({ source, scope, observedAt, complete, images, uses }: SourceReport, style: Style): string {
  const facts = renderFacts(style, [
    ['source', printable(source)],
    ['reads', printable(scope)],
    ['as of', observedAt],
    ['complete', complete ? 'yes' : 'no'],
    ['images', `${images}`],
  ]);
  if (uses.length === 0) return facts;
  const rows = uses.map((use) => [imageOf(use), printable(use.where)]).sort(byFirst);
  return `${facts}\n${renderTable(style, { head: ['IMAGE', 'WHERE'], right: [], names: [0, 1] }, rows)}`;
}

function renderRemembered(remembered: readonly UsedImage[], style: Style): string {
  if (remembered.length === 0) return 'Earlier runs remember nothing else in use.';
  const title = paint(style, 'bold', 'Seen in use by earlier runs, and kept for that:');
  const rows = remembered
    .map((image) => [imageOf(image), printable(`${image.source}, ${image.where}`), image.first, image.last])
    .sort(byFirst);
  return `${title}\n${renderTable(style, { head: ['IMAGE', 'WHERE', 'FIRST SEEN', 'LAST SEEN'], right: [], names: [0, 1] }, rows)}`;
}

const byFirst = ([a = '']: readonly string[], [b = '']: readonly string[]): number => (a < b ? -1 : a > b ? 1 : 0);

/** As image tools write it. One that is known by its configuration alone has no such name. */
function imageOf({ repository, tag, digest, config }: SeenImage): string {
  const name = `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
  return printable(config === undefined ? name : `${name} (configuration ${config})`);
}
