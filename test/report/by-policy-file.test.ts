import { expect, test } from 'vitest';
import { reviewPage } from '../../src/doors/http/review/review.ts';
import { recordPolicy } from '../../src/ledger/policy-record.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { createPolicy } from '../../src/policy/purge-policy.ts';
import { csvHeader, csvLines, decisionSheet } from '../../src/report/csv.ts';
import { createLog, inInvocation, runLog } from '../../src/report/log.ts';
import { renderRun } from '../../src/report/runs.ts';
import { renderDecision } from '../../src/report/text.ts';
import { ruledBy } from '../support/registry.ts';
import { ledgerOf, NOW, recordOf } from '../support/review.ts';

/* How a run by a policy file is shown: by its rules, and without a word of filters and flags that decided nothing. */

const TEXT = `version: 1
protect: [{ tags: [latest], because: "moves <b>" }] # \u001b[2J
rules:

  - name: pull requests
    tags: ['pr-*']
    olderThan: 14d
`;

const DECISION: Decision = {
  repository: 'app',
  kind: 'tag',
  tag: 'pr-1',
  action: 'delete',
  reason: 'rule-matched',
  rule: 'pull requests',
  detail: 'kept by no count, and 20 days old',
  beyondAcrPurge: false,
  outcome: 'planned',
};

const policy = ruledBy(TEXT, { dryRun: true });
const recorded = recordOf('2026-11-24T11:00:00.000Z', [DECISION], { policy: recordPolicy([policy], 'settings') });

test('runs show has the text of the file, line by line, and nothing of it reaches the terminal as it is', () => {
  const text = renderRun(recorded.run, []);
  expect(text).toContain(
    '\nThe policy file:\n    version: 1\n    protect: [{ tags: [latest], because: "moves <b>" }] # \\u001b[2J\n    rules:\n\n      - name: pull requests\n',
  );
  expect(text).not.toContain('\u001b');
  expect(text).not.toMatch(/filter|--ago|--keep/);
  const long = recordOf('2026-11-24T11:00:00.000Z', [], {
    policy: {
      commands: [{ given: '--policy a', file: 'x: \u001b[2J\n'.repeat(300), understood: {} }],
      hash: '',
      from: 'settings',
    },
  });
  expect(renderRun(long.run, [])).toMatch(/ {4}x: \\u001b\[2J\n {4}… and 100 more lines\n/);
});

test("the run's page has it too, escaped", async () => {
  const { body } = await reviewPage(ledgerOf([recorded]), new URLSearchParams({ run: recorded.run.id }), NOW);
  const html = body as string;
  expect(html).toContain('The policy file, as it was when the run began');
  expect(html).toContain('moves &lt;b');
  expect(html).toMatch(/rules:\n\n {2}- name: pull requests\n/);
  expect(html).not.toMatch(/agoMilliseconds|--ago|As it was understood/);
  const history = await reviewPage(ledgerOf([recorded]), new URLSearchParams({ image: 'app:pr-1' }), NOW);
  expect(history.body as string).toContain('Owned by the rule pull requests.');
  const decisions = await reviewPage(
    ledgerOf([recorded]),
    new URLSearchParams({ run: recorded.run.id, view: 'decisions' }),
    NOW,
  );
  expect(decisions.body as string).toContain('rule-matched (pull requests)');
});

test('a decision names its rule: in text, and in a column of CSV', () => {
  expect(renderDecision(DECISION)).toContain('app:pr-1  rule-matched (pull requests): kept by no count');
  const untagged = { ...DECISION, kind: 'manifest', reason: 'untagged-and-expired', rule: 'untagged' } as const;
  expect(renderDecision(untagged)).toContain('untagged-and-expired: ');
  expect(renderDecision({ ...DECISION, rule: 'a\u001b[2J' })).toContain('(a\\u001b[2J)');
  expect(csvHeader(decisionSheet())).toMatch(/,rule,quarantinedUntil\r\n$/);
  expect(csvLines([DECISION], decisionSheet())).toMatch(/,pull requests,\r\n$/);
});

test('the log says which rules there are, and with flags what --protect and --keep-at-least keep', () => {
  const lines: Record<string, unknown>[] = [];
  const take = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const log = createLog('info');
  const started = (which: typeof policy) =>
    inInvocation({ invocationId: 'one', trace: take, debug: take, info: take, warn: take, error: take }, () =>
      runLog(log, { runId: 'r', registry: 'contoso.azurecr.io', dryRun: true }, 'dry-run').started([which], {
        startedBy: 'schedule',
        pastDue: false,
      }),
    );
  started(policy);
  started(createPolicy({ filter: ['app:^dev-'], ago: '30d', protect: ['**:latest'], keepAtLeast: '3' }));
  expect(lines[0]?.['commands']).toEqual([
    {
      policy: '--policy retention.yaml --dry-run',
      rules: ['pull requests'],
      protections: 1,
      untagged: false,
      includeLocked: false,
    },
  ]);
  expect(lines[1]?.['commands']).toMatchObject([{ filters: ['app:^dev-'], protect: ['**:latest'], keepAtLeast: 3 }]);
});
