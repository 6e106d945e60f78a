import type { RiskReport, RiskRun } from '../risk.ts';
import {
  countsInWords,
  kindInWords,
  nowInWords,
  remarksOn,
  removedInWords,
  SHOWN,
  type Shown,
  shownOf,
} from '../risk-words.ts';
import { whereOf } from '../title.ts';
import { render } from './document.tsx';
import { count, minute, name, words } from './format.ts';
import { LineChart, type StepLine } from './line-chart.tsx';
import { ChooseRegistry, Form, type Setting } from './navigation.tsx';
import { Facts, Notice, Section, Table, Time } from './parts.tsx';
import { Critical, MostFindings } from './risk-images.tsx';

/* The findings of a registry over time, and where they are. */

export interface RiskPage {
  /** The registries that can be asked for. */
  readonly registries: readonly string[];
  /** Since when, as it was given. */
  readonly since: string;
  /** Absent: no run was recorded yet. */
  readonly report?: RiskReport | undefined;
}

/** Runs that the table below the charts shows: the last ones. */
const MOST_RUNS = 100;

/** Lines that share a chart: those of others would be too low to be seen. */
const CHARTS: readonly (readonly Shown[])[] = [
  ['critical', 'high'],
  ['medium', 'low', 'other'],
];

export function renderRiskPage(setting: Setting, { registries, since, report }: RiskPage): string {
  const title = report ? `Risk, ${whereOf({ registry: report.registry })}` : 'Risk';
  return render({
    setting,
    title: name(title),
    here: 'risk',
    children: (
      <>
        <h1>{name(title)}</h1>
        <p class="quiet">
          The vulnerabilities that scanners name in the images of the registry, as runs recorded them. This page asks
          neither the registry nor a scanner.
        </p>
        {report && (
          <Form setting={setting} label="Choose what is shown" hidden={{ view: 'risk' }} button="Show">
            {registries.length > 1 ? (
              <ChooseRegistry registries={registries} chosen={report.registry} />
            ) : (
              <input type="hidden" name="registry" value={name(report.registry)} />
            )}
            <label class="broad">
              Since, e.g. 90d or 2026-09-01
              <input type="text" name="since" value={words(since)} required autocomplete="off" />
            </label>
          </Form>
        )}
        {report ? <Report setting={setting} report={report} /> : <p class="card">There has been no run yet.</p>}
      </>
    ),
  });
}

function Report({ setting, report }: { readonly setting: Setting; readonly report: RiskReport }) {
  const { now } = report;
  const removed = removedInWords(report);
  const remarks = remarksOn(report);
  return (
    <>
      <Section id="now" title="Now">
        <p class={now ? undefined : 'card'}>{words(nowInWords(report))}</p>
        {removed !== undefined && <p>{words(removed)}</p>}
        {now && (
          <div class="card figures">
            <Facts
              facts={[
                ...SHOWN.map((shown) => [capital(shown), count(shownOf(now.bySeverity, shown))] as const),
                ['Images scanned', count(now.images)],
                ['Not scanned', count(now.notScanned)],
              ]}
            />
          </div>
        )}
        {remarks.length > 0 && (
          <Notice tone="wait" title="To read the numbers right">
            <ul>
              {remarks.map((remark) => (
                <li>{words(remark)}</li>
              ))}
            </ul>
          </Notice>
        )}
      </Section>
      {now && <OverTime setting={setting} report={report} />}
      {now && <Critical setting={setting} report={report} />}
      {now && <MostFindings setting={setting} report={report} />}
    </>
  );
}

function OverTime({ setting, report }: { readonly setting: Setting; readonly report: RiskReport }) {
  const { line, since, asOf, standing } = report;
  if (line.length === 0) return null;
  const first = line[0]?.at ?? since;
  // Without anything that was known before, a line begins with the first run.
  const [from, to] = [Date.parse(standing ? since : first), Date.parse(asOf)];
  const begin = to - from < 60_000 ? from - 3_600_000 : from;
  return (
    <Section id="over-time" title="Over time">
      <p class="small quiet">
        A circle is a run that removed findings: the line falls there. Between two runs the last known value stands.
      </p>
      <div class="charts">
        {CHARTS.map((shown, place) => {
          const lines = shown
            .map((one) => ({ ...lineOf(one, report), style: SHOWN.indexOf(one) }))
            .filter(
              ({ steps, standing: value = 0 }) => value > 0 || steps.some((step) => step.before > 0 || step.after > 0),
            );
          if (lines.length === 0) return null;
          return (
            <LineChart
              id={`risk-${place}`}
              title={capital(shown.join(', ').replace(/, ([^,]*)$/, ' and $1'))}
              description={describe(lines)}
              from={begin}
              to={to}
              lines={lines}
              now={setting.now}
            />
          );
        })}
      </div>
      <Runs setting={setting} line={line} />
    </Section>
  );
}

function lineOf(shown: Shown, { line, standing }: RiskReport): StepLine {
  return {
    name: capital(shown),
    ...(standing && { standing: shownOf(standing.bySeverity, shown) }),
    steps: line.map((run) => {
      const [before, after] = [shownOf(run.before.bySeverity, shown), shownOf(run.after.bySeverity, shown)];
      return {
        at: Date.parse(run.at),
        before,
        after,
        says: `${minute(run.at)}, ${kindInWords(run)}: ${count(before)} ${shown} before, ${count(after)} after`,
        isMarked: after < before,
      };
    }),
  };
}

/** For those who do not see the chart. */
function describe(lines: readonly StepLine[]): string {
  const told = lines.map(({ name: of, standing, steps }) => {
    const first = standing ?? steps[0]?.before ?? 0;
    return `${of}: from ${count(first)} to ${count(steps.at(-1)?.after ?? first)}`;
  });
  return `${told.join('; ')}. The table below has the numbers of each run.`;
}

function Runs({ setting, line }: { readonly setting: Setting; readonly line: readonly RiskRun[] }) {
  const rows = line.slice(-MOST_RUNS).toReversed();
  return (
    <details>
      <summary>The numbers of the charts</summary>
      <Table
        caption={`After each run, the last first${line.length > rows.length ? `; ${count(line.length - rows.length)} earlier ones are left out` : ''}`}
        rows={rows}
        columns={[
          {
            head: 'Run',
            cell: (run) => (
              <a href={setting.link({ run: run.run })}>
                <Time iso={run.at} />
              </a>
            ),
          },
          { head: 'What', cell: (run) => kindInWords(run) },
          ...SHOWN.map((shown) => ({
            head: capital(shown),
            number: true,
            cell: (run: RiskRun) => count(shownOf(run.after.bySeverity, shown)),
          })),
          { head: 'Removed', cell: (run) => removedBy(run) },
          { head: 'Images', number: true, cell: (run) => count(run.after.images) },
          { head: 'Not scanned', number: true, cell: (run) => count(run.after.notScanned) },
          {
            head: 'Repositories',
            number: true,
            cell: (run) => (run.appeared > 0 ? `${count(run.known)}, ${count(run.appeared)} new` : count(run.known)),
          },
        ]}
      />
    </details>
  );
}

function removedBy({ removed, dryRun }: RiskRun): string {
  const said = countsInWords(removed.bySeverity);
  if (said === 'none') return '–';
  return dryRun ? `would: ${said}` : said;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
