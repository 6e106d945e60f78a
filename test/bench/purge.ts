/* eslint-disable no-console -- a report */
import { parseArgs } from 'node:util';
import { machine } from './process.ts';
import { type Case, casesOf, type Published } from './purge/cases.ts';
import { measureCeiling } from './purge/ceiling.ts';
import { type Measured, measureAcr, measureOurs, type Program } from './purge/measure.ts';
import { renderCeiling, renderRows, type Row } from './purge/report.ts';

/*
 * `npm run bench`: what purging takes, in calls, time and memory, against the embedded registry; and with
 * ACR_PURGE=<path of acr> the same work done by `acr purge`, side by side. Without it ratios are to published figures of
 * another machine. Every result is checked: where one is wrong, this exits with 1. How long something takes is
 * reported, with whether a target is met, and fails nothing. Memory and processor time are known on Linux only.
 *
 *     --quick          the same kinds of work, smaller, in about a minute
 *     --only text      only the cases whose id or title holds this; `ceiling`: only what the registry can do
 *     --repeat n       how often each is measured; the run of the median time is shown
 *     --markdown       tables for test/bench/README.md
 *     --list           only say which cases there are
 */

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    repeat: { type: 'string', default: '1' },
    markdown: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});
const repeat = Math.max(1, Number(given.repeat) || 1);
const acrPurge = process.env['ACR_PURGE'];

/** What was measured of ours, for the cases that are held against others. */
const found = new Map<string, Measured>();

async function measure(one: Case): Promise<readonly Row[]> {
  const measured =
    acrPurge !== undefined && one.isCompared ? await times(async () => [await measureAcr(one, acrPurge)]) : [];
  const [acr] = measured;
  // What came to no good end is nothing to compare with.
  const compared: Published | undefined =
    acrPurge === undefined ? one.published : acr?.wrong.length === 0 ? acr : undefined;
  const ours = await times(() => measureOurs(one));
  for (const own of ours) if (own.program === 'cold') found.set(one.id, own);
  const find = (id: string): Measured | undefined => found.get(id);
  return [
    ...(one.published ? [{ title: one.title, measured: { ...one.published, program: 'published' as const }, acr: undefined, targets: [] }] : []),
    ...measured.map((own) => ({ title: one.title, measured: own, acr: undefined, targets: [] })),
    ...ours.map((own) => ({ title: one.title, measured: own, acr: compared, targets: one.targets(own, { acr: compared, find }) })),
  ]; // prettier-ignore
}

/** Measures several times; of each program the run of the median time, but a wrong one where there is one. */
async function times(once: () => Promise<readonly Measured[]>): Promise<readonly Measured[]> {
  const all: Measured[] = [];
  for (let n = 0; n < repeat; n++) all.push(...(await once()));
  const programs: readonly Program[] = ['acr', 'cold', 'again'];
  return programs.flatMap((program) => {
    const runs = all.filter((one) => one.program === program).toSorted((a, b) => a.wallSeconds - b.wallSeconds);
    const chosen = runs.find(({ wrong }) => wrong.length > 0) ?? runs[runs.length >> 1];
    return chosen ? [chosen] : [];
  });
}

const cases = casesOf(given.quick).filter(({ id, title }) => `${id} ${title}`.includes(given.only));
if (given.list) {
  for (const { id, title } of cases) console.log(`${id.padEnd(12)} ${title}`);
} else {
  console.log(`${machine()}, ${new Date().toISOString().slice(0, 10)}${given.quick ? ', --quick' : ''}`);
  console.log(
    acrPurge === undefined
      ? 'ACR_PURGE names no acr: ratios are to the published figures of acr purge, which are from another machine.\n'
      : 'Ratios are to acr purge, measured in this run.\n',
  );
  if ('ceiling'.includes(given.only)) {
    console.log(`${renderCeiling(await measureCeiling(given.quick ? 0.2 : 1), given.markdown)}\n`);
  }
  const rows: Row[] = [];
  for (const one of cases) {
    process.stderr.write(`${one.title} …\n`);
    rows.push(...(await measure(one)));
  }
  if (rows.length > 0) console.log(renderRows(rows, given.markdown));
  const ours = rows.filter(({ measured: { program } }) => program === 'cold' || program === 'again');
  const wrong = ours.filter(({ measured }) => 'wrong' in measured && measured.wrong.length > 0).length;
  const missed = ours.flatMap(({ targets }) => targets.filter(({ isMet }) => isMet === false)).length;
  console.log(`\n${ours.length} results of ours, ${wrong} of them wrong; ${missed} targets missed.`);
  if (wrong > 0) process.exitCode = 1;
}
