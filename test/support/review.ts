import { realSystem } from '../../src/ledger/store/system.ts';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerHome } from '../../src/doors/http/review/home.ts';
import { reviewPage } from '../../src/doors/http/review/review.ts';
import type { CheckView } from '../../src/doors/http/check.ts';
import type { QuarantineView } from '../../src/doors/http/quarantine.ts';
import type { UnpulledView } from '../../src/doors/http/unpulled.ts';
import type { Viewer } from '../../src/report/page/index.ts';
import type { DecisionQuery, ImageName, RunQuery } from '../../src/ledger/reader.ts';
import type { Parent } from '../../src/ledger/batch.ts';
import type { UsedImage } from '../../src/ledger/in-use.ts';
import type { LedgerReader } from '../../src/ledger/reader.ts';
import type { Child, RepositoryRecord, RunRecord } from '../../src/ledger/records.ts';
import type { Decision, Reason } from '../../src/planner/decision.ts';
import { outcomeOf } from '../../src/ledger/counters.ts';
import { type Counts, summarize, type Totals } from '../../src/ledger/summary.ts';
import { NO_COUNTS } from '../../src/ledger/total.ts';

export const NOW = new Date('2026-11-24T12:00:00Z');

/** What a registry, or a ledger, might hold to do harm. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  'javascript:alert(1)',
  '</style><style>*{display:none}</style>',
  '\u001b[2J\u001b]0;owned\u0007',
  '\u202egnp.exe',
  '&lt;b&gt;',
  'x'.repeat(5_000),
];

export interface Recorded {
  readonly run: RunRecord;
  readonly repositories: readonly RepositoryRecord[];
  readonly decisions: readonly Decision[];
}

/** A ledger made of plain data, and what was read of it. */
export function ledgerOf(
  recorded: readonly Recorded[],
  parents: readonly Parent[] = [],
  used: readonly UsedImage[] = [],
): LedgerReader & { readonly read: { decisions: number } } {
  const newestFirst = recorded.toSorted((a, b) => (a.run.id < b.run.id ? 1 : -1));
  const read = { decisions: 0 };
  const of = (id: string): Recorded | undefined => recorded.find(({ run }) => run.id === id);
  return {
    system: realSystem,
    place: 'https://contoso.blob.core.windows.net/retention',
    read,
    runs: (query) => some(newestFirst.map(({ run }) => run).filter((run) => isAsked(run, query))),
    run: (id) => Promise.resolve(of(id)?.run),
    repository: (id, name) => Promise.resolve(of(id)?.repositories.find(({ summary }) => summary.repository === name)),
    used: () => Promise.resolve({ images: used }),
    parent: (id) => Promise.resolve(parents.find(({ record }) => record.id === id)),
    repositories: (id) => some(of(id)?.repositories ?? []),
    decisions: (id, query) =>
      some(
        (of(id)?.decisions ?? []).filter((one) => matches(one, query)),
        () => (read.decisions += 1),
      ),
    explain: (image) =>
      some(
        newestFirst.flatMap(({ run, decisions }) =>
          decisions.filter((decision) => isOf(decision, image)).map((decision) => ({ run, decision })),
        ),
      ),
  };
}

async function* some<T>(items: Iterable<T>, taken?: () => void): AsyncGenerator<T> {
  for (const item of items) {
    taken?.();
    yield await Promise.resolve(item);
  }
}

function isAsked(run: RunRecord, { waits, states, kinds, registry, parent, from, to, before }: RunQuery = {}): boolean {
  const started = new Date(run.started);
  return (
    (waits !== true || run.plan?.state === 'waiting') &&
    (states?.includes(run.state) ?? true) &&
    (kinds?.includes(run.kind) ?? true) &&
    (registry === undefined || run.registry === registry) &&
    (parent === undefined || run.parent === parent) &&
    (from === undefined || started >= from) &&
    (to === undefined || started < to) &&
    (before === undefined || run.id < before)
  );
}

function matches(decision: Decision, { text, repositories, scanned, ...exact }: DecisionQuery = {}): boolean {
  const { repository, tag, digest, detail } = decision;
  if (repositories?.includes(repository) === false || (scanned && !decision.findings?.scan)) return false;
  const words = [repository, tag, digest, detail].join(' ').toLowerCase();
  return (
    (text === undefined || words.includes(text.toLowerCase())) &&
    Object.entries(exact).every(([name, value]) => decision[name as keyof Decision] === value)
  );
}

function isOf(decision: Decision, { repository, tag, digest }: ImageName): boolean {
  return decision.repository === repository && (tag === undefined ? decision.digest === digest : decision.tag === tag);
}

/** What decisions come to. */
export function totalsOf(decisions: readonly Decision[]): Totals {
  const { quarantine } = summarize('', decisions);
  const countsOf = (kind: Decision['kind']): Counts => {
    const counts: Record<keyof Counts, number> = { ...NO_COUNTS, quarantined: 0, restored: 0 };
    for (const decision of decisions) if (decision.kind === kind) counts[outcomeOf(decision)] += 1;
    const { quarantined, restored, ...others } = counts;
    return { ...others, ...(quarantined > 0 && { quarantined }), ...(restored > 0 && { restored }) };
  };
  const reasons: Partial<Record<Reason, number>> = {};
  for (const { reason } of decisions) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const gone = decisions.filter((decision) => outcomeOf(decision) === 'deleted');
  return {
    listed: { tags: decisions.length, manifests: decisions.length },
    tags: countsOf('tag'),
    manifests: countsOf('manifest'),
    bytes: gone.reduce((all, { size }) => all + (size ?? 0), 0),
    reasons,
    beyondAcrPurge: decisions.filter(({ beyondAcrPurge }) => beyondAcrPurge).length,
    ...(quarantine && { quarantine }),
  };
}

/** A run as a ledger records it. */
export function recordOf(
  started: string,
  decisions: readonly Decision[],
  over: Partial<RunRecord> = {},
  repositories: readonly RepositoryRecord[] = [],
): Recorded {
  const names = [...new Set(decisions.map(({ repository }) => repository))];
  const summaries = [
    ...names.map((name) => ({
      summary: {
        repository: name,
        state: 'done' as const,
        ...totalsOf(decisions.filter(({ repository }) => repository === name)),
      },
      planned: { deletions: 0, hash: '0'.repeat(64) },
    })),
    ...repositories,
  ];
  return {
    decisions,
    repositories: summaries,
    run: {
      format: 1,
      id: `${started.replace(/\.\d+/, '').replace(/[-:]/g, '')}-3f9a0c`,
      kind: 'scheduled',
      dryRun: false,
      startedBy: 'schedule',
      by: 'invocation 5d1c7e1c-8b5b-4a53-a0f5-0d6c8f2f6c11',
      registry: 'contoso.azurecr.io',
      policy: {
        commands: [
          {
            given: "acr purge --filter 'app:^dev-' --ago 30d --keep 3 --untagged",
            understood: { filters: ['app:^dev-'], ago: '30d', keep: 3, untagged: true, includeLocked: false },
          },
        ],
        hash: 'sha256:4fd3e5a0c1b2',
        from: 'settings',
      },
      toolVersion: '0.1.0',
      agesFrom: started,
      holder: {
        runId: '20261124T010000Z-3f9a0c',
        startedBy: 'schedule',
        host: 'worker-1',
        pid: 7,
        since: started,
      },
      started,
      ...(over.state !== 'running' && { ended: new Date(Date.parse(started) + 134_000).toISOString() }),
      state: 'done',
      progress: { done: summaries.length, of: summaries.length },
      totals: totalsOf(decisions),
      warnings: [],
      breakers: [],
      ...over,
    },
  };
}

/** What began one of its runs. */
const HOSTILE_PARENT = '20261123T110000Z-000001';

/** A ledger with something for each part of the page, and everything that it names to do harm. */
export function hostileLedger(): ReturnType<typeof ledgerOf> {
  const digest = `sha256:${'ab12'.repeat(16)}`;
  const error = (text: string) => ({ message: text, status: 403, code: text, correlationId: text });
  const decisions = HOSTILE.flatMap((text): readonly Decision[] => [
    {
      repository: text, kind: 'tag', tag: text, digest, action: 'delete', reason: 'matched-and-expired',
      detail: text, beyondAcrPurge: false, outcome: 'failed', error: error(text), size: 12_345,
      lastUpdateTime: text,
      findings: { scan: { by: text as 'grype', at: text, bySeverity: { critical: 2 }, fixable: {}, ids: [text, text] }, endOfLife: text, base: text },
    },
    {
      repository: text, kind: 'manifest', digest: text, action: 'keep', reason: 'locked', detail: text,
      beyondAcrPurge: true, findings: {},
    },
  ]); // prettier-ignore
  const broken = HOSTILE.map((text) => ({
    summary: { repository: text, ...totalsOf([]), state: 'failed' as const, error: error(text) },
    planned: { deletions: 0, hash: '' },
  }));
  const all = HOSTILE.join(' ');
  const breakers = HOSTILE.map((text) => ({
    breaker: 'max-deletions' as const, repository: text, found: 1, limit: 0, detail: text,
  })); // prettier-ignore
  const applied = recordOf('2026-11-23T11:00:00.000Z', decisions, {
    parent: HOSTILE_PARENT, registry: HOSTILE[2] ?? '',
    plan: { hash: all, deletions: 1, state: 'applied', appliedBy: all },
  }); // prettier-ignore
  const others = HOSTILE.map((text) => ({ registry: text, error: error(text) }));
  const parent = parentOf(HOSTILE_PARENT, [applied], others, { cancelled: { at: all, askedBy: 'request', by: all } });
  const hostile = { ...parent, record: { ...parent.record, startedBy: all, by: all } };
  return ledgerOf([
    recordOf('2026-11-24T11:00:00.000Z', decisions, {
      state: 'running', registry: all, startedBy: all, by: all, toolVersion: all,
      warnings: HOSTILE, error: error(all), breakers, applies: all,
      progress: { done: 3, of: 10, working: HOSTILE.map((repository) => ({ repository, listed: 1, read: 2, deleted: 3 })) },
      resumed: HOSTILE.map((text) => ({ at: text, startedBy: text, by: text })), stopped: { by: 'budget', detail: all }, cancelled: { at: all, askedBy: 'request', by: all },
      policy: {
        commands: [
          { given: all, understood: { [all]: HOSTILE } },
          { given: all, file: `${all}\n${HOSTILE.join("\r\n")}`, understood: {} },
        ],
        hash: all,
        from: 'settings',
      },
      plan: { hash: HOSTILE[1] ?? '', deletions: 12, state: 'waiting' },
      evidence: HOSTILE.map((text) => ({ source: text, scope: text, observedAt: text, complete: false, problems: [text, all], images: 3 })),
      findings: HOSTILE.map((text) => ({ source: text as 'defender', observedAt: text, complete: false, problems: [text, all], images: 3 })),
    }, broken),
    applied,
  ], [hostile], HOSTILE.flatMap((text) => ['b', text].map((tag) => (
    { repository: text.slice(0, 900), tag, digest: text, source: text, where: text, first: text, last: text }
  )))); // prettier-ignore
}

/** A parent as a ledger records it, of these runs and of registries that have none. */
export function parentOf(
  id: string,
  runs: readonly Recorded[],
  others: readonly Child[] = [],
  over: Partial<Parent> = {},
): Parent {
  const children = [...runs.map(({ run }) => ({ registry: run.registry, runId: run.id })), ...others];
  return {
    record: {
      format: 1,
      id,
      kind: 'scheduled',
      startedBy: 'schedule',
      started: `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}T${id.slice(9, 11)}:00:00.000Z`,
      registries: children.map(({ registry }) => registry),
    },
    children,
    ...over,
  };
}

/** Every view of a ledger's page, by name. `run` is the id of the run that is shown. */
export function viewsOf(run: string, image: string): Readonly<Record<string, string>> {
  return {
    runs: '',
    older: 'before=29991124T010000Z-3f9a0c',
    run: `run=${run}`,
    decisions: `run=${run}&view=decisions`,
    parent: `run=${HOSTILE_PARENT}`,
    history: `image=${encodeURIComponent(image)}`,
    'no-image': 'image=',
    filtered: `registry=${encodeURIComponent(HOSTILE[1] ?? '')}`,
    trends: 'view=trends',
    risk: 'view=risk',
    'risk-of-one': `view=risk&registry=${encodeURIComponent(HOSTILE[1] ?? '')}&since=30d`,
    'trends-of-one': `view=trends&registry=${encodeURIComponent(HOSTILE[1] ?? '')}`,
    diff: `run=${run}&view=diff`,
    'diff-with': `run=${run}&view=diff&with=${run.replace('24T', '23T')}`,
    'diff-of-one': `run=${run}&view=diff&with=${run.replace('24T', '23T')}&repository=${encodeURIComponent(image.slice(0, image.lastIndexOf(':')))}`,
    unpulled: 'view=unpulled&registry=contoso.azurecr.io&for=90d&after=b',
    'unpulled-ask': 'view=unpulled',
    'no-run': 'run=20200101T000000Z-000000',
    wrong: 'state=%3Cscript%3Ealert(1)%3C/script%3E',
  };
}

/** Serves the page of a ledger with the headers that it has, for the length of a test. */
export async function withPage<T>(
  reader: LedgerReader,
  test: (url: string) => Promise<T>,
  unpulled?: UnpulledView,
  viewer?: Viewer,
  quarantine?: QuarantineView,
  checks?: CheckView,
): Promise<T> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const answer =
      url.pathname === '/api/review'
        ? reviewPage(reader, url.searchParams, NOW, unpulled, undefined, viewer, undefined, quarantine, checks)
        : ['/', '/review'].includes(url.pathname)
          ? Promise.resolve(answerHome({ query: url.searchParams }, false))
          : undefined;
    if (!answer) return response.writeHead(404).end();
    answer.then(
      ({ status = 200, headers, body }) =>
        response.writeHead(status, headers as Record<string, string>).end(body as string),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/review`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
