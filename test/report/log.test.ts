import { expect, test } from 'vitest';
import { createLog, inInvocation, runLog } from '../../src/report/log.ts';

function captured(level: string) {
  const lines: (readonly [string, Record<string, unknown>])[] = [];
  const take = (name: string) => (line: string) => lines.push([name, JSON.parse(line) as Record<string, unknown>]);
  const invocation = {
    invocationId: 'one',
    trace: take('trace'),
    debug: take('debug'),
    info: take('info'),
    warn: take('warn'),
    error: take('error'),
  };
  return { lines, log: createLog(level), invocation };
}

test('each level goes through the method of its name, with the id of the invocation', () => {
  const { lines, log, invocation } = captured('trace');
  inInvocation(invocation, () => {
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]({}, level);
  });
  expect(lines.map(([method, { message }]) => `${method} ${String(message)}`)).toEqual([
    'trace trace',
    'debug debug',
    'info info',
    'warn warn',
    'error error',
    'error fatal',
  ]);
  expect(lines.every(([, { invocationId }]) => invocationId === 'one')).toBe(true);
});

test('a run that a timer began later than scheduled says so', () => {
  const { lines, log, invocation } = captured('info');
  inInvocation(invocation, () => {
    const about = { runId: 'r', registry: 'contoso.azurecr.io', dryRun: false };
    runLog(log, about, 'purge').started([], { startedBy: 'schedule', pastDue: true });
  });
  expect(lines).toMatchObject([
    ['info', { event: 'run-started', pastDue: true, message: 'purge started, later than scheduled', runId: 'r' }],
  ]);
});
