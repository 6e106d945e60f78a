import { ESLint } from 'eslint';
import { describe, expect, test } from 'vitest';

/*
 * The walls between the rooms, tried with the project's own lint rules: imports that must fail, and some that must not, in
 * a file of each room. No types are read for it.
 */

const lint = new ESLint({
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  ruleFilter: ({ ruleId }) => /^boundaries\/|no-restricted-(?:imports|globals|syntax)$/.test(ruleId),
});

async function rulesBrokenBy(text: string, filePath: string): Promise<readonly string[]> {
  const [result] = await lint.lintText(`${text}\n`, { filePath });
  return (result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message);
}

/** A file of each room, what it may import, and what it may not. */
const ROOMS: Readonly<Record<string, { readonly open: readonly string[]; readonly closed: readonly string[] }>> = {
  'src/policy/purge-policy.ts': {
    open: ["import { PolicyError } from './errors.ts';", "import { parse } from 'yaml';"],
    closed: [
      "import type { Decision } from '../planner/decision.ts';",
      "import type { Registry } from '../registry/types.ts';",
      "import { redact } from '../ledger/redact/redact.ts';",
      "import { readFileSync } from 'node:fs';",
      'export const at = process.env;',
    ],
  },
  'src/registry/client.ts': {
    open: [
      "import { secrets } from '../ledger/redact/known.ts';",
      "import { ContainerRegistryClient } from '@azure/container-registry';",
    ],
    closed: [
      "import type { PurgePolicy } from '../policy/purge-policy.ts';",
      "import type { Decision } from '../planner/decision.ts';",
      "import { openLedger } from '../ledger/ledger.ts';",
      "import type { Store } from '../ledger/store/store.ts';",
      "export * from '../engine/run.ts';",
    ],
  },
  'src/evidence/list.ts': {
    open: [
      "import type { Clock } from '../registry/clock.ts';",
      "import { secrets } from '../ledger/redact/known.ts';",
      "import { SEVERITIES } from '../policy/severity.ts';",
    ],
    closed: [
      "import type { Decision } from '../planner/decision.ts';",
      "import type { Registry } from '../registry/types.ts';",
      "import type { UsedImage } from '../ledger/in-use.ts';",
      "import { readUse } from '../engine/evidence.ts';",
      'export const at = Date.now();',
    ],
  },
  'src/planner/plan.ts': {
    open: [
      "import type { PurgePolicy } from '../policy/purge-policy.ts';",
      "import type { Inventory } from '../registry/types.ts';",
      "import type { Scan } from '../evidence/findings.ts';",
      'export const at = new Date(0);',
    ],
    closed: [
      "import { MOST_IDS } from '../evidence/findings.ts';",
      "import { PolicyError } from '../policy/errors.ts';",
      "import { RegistryError } from '../registry/errors.ts';",
      "import { retention } from '../engine/durable/orchestrators.ts';",
      "import type { Ledger } from '../ledger/ledger.ts';",
      "import { createHash } from 'node:crypto';",
      "import pLimit from 'p-limit';",
      "export const engine = await import('../engine/run.ts');",
      'export const at = Date.now();',
      'export const at = new Date();',
      'export const at = performance.now();',
      'export const chance = Math.random();',
      'export const name = process.pid;',
    ],
  },
  'src/executor/execute.ts': {
    open: [
      "import type { Decision } from '../planner/decision.ts';",
      "import type { Lock } from '../registry/types.ts';",
    ],
    closed: [
      "import { keyOf } from '../planner/decision.ts';",
      "import { RegistryError } from '../registry/errors.ts';",
      "import type { PurgePolicy } from '../policy/purge-policy.ts';",
      "import type { Ledger } from '../ledger/ledger.ts';",
    ],
  },
  'src/ledger/ledger.ts': {
    open: ["import { keyOf } from '../planner/decision.ts';", "import { folderStore } from './store/folder.ts';"],
    closed: [
      "import type { Registry } from '../registry/types.ts';",
      "import { execute } from '../executor/execute.ts';",
      "import { table } from '../report/table.ts';",
      "import { BlobClient } from '@azure/storage-blob';",
    ],
  },
  'src/ledger/store/blob.ts': {
    open: ["import { BlobClient } from '@azure/storage-blob';"],
    closed: ["import { openLedger } from '../ledger.ts';", "import { run } from '../../engine/run.ts';"],
  },
  'src/ledger/redact/known.ts': { open: [], closed: ["import { openLedger } from '../ledger.ts';"] },
  'src/report/text.ts': {
    open: ["import type { RunRecord } from '../ledger/records.ts';"],
    closed: [
      "import type { Registry } from '../registry/types.ts';",
      "import { execute } from '../executor/execute.ts';",
      "import { run } from '../engine/run.ts';",
      "import { parse } from '../policy/purge-policy.ts';",
      "import { folderStore } from '../ledger/store/folder.ts';",
    ],
  },
  'src/notify/send.ts': {
    open: [
      "import type { Clock } from '../registry/clock.ts';",
      "import type { Notification } from '../report/notification.ts';",
      "import type { Receiver } from '../policy/notify.ts';",
      "import { redact } from '../ledger/redact/redact.ts';",
    ],
    closed: [
      "import { readReceivers } from '../policy/notify.ts';",
      "import { printable } from '../report/escape.ts';",
      "import type { Decision } from '../planner/decision.ts';",
      "import type { Registry } from '../registry/types.ts';",
      "import type { Ledger } from '../ledger/ledger.ts';",
      "import { run } from '../engine/run.ts';",
    ],
  },
  'src/engine/run.ts': {
    open: ["import { plan } from '../planner/plan.ts';", "import { execute } from '../executor/execute.ts';"],
    closed: [
      "import { purge } from '../index.ts';",
      "import { configuration } from '../doors/app.ts';",
      "import { startEmulator } from '../dev/emulator/index.ts';",
      "import { app } from 'durable-functions';",
      "import { ContainerRegistryClient } from '@azure/container-registry';",
    ],
  },
  'src/engine/durable/orchestrators.ts': {
    open: ["import { app } from 'durable-functions';", "import { run } from '../run.ts';"],
    closed: [
      "import { configuration } from '../../doors/app.ts';",
      "import { redact } from '../../ledger/redact/redact.ts';",
    ],
  },
  'src/index.ts': {
    open: ["export { run } from './engine/run.ts';"],
    closed: [
      "import { configuration } from './doors/app.ts';",
      "import { startEmulator } from './dev/emulator/index.ts';",
      "import { execute } from './executor/execute.ts';",
    ],
  },
  'src/doors/http/runs.ts': {
    open: ["import { purge } from '../../index.ts';", "import { csvHeader } from '../../report/csv.ts';"],
    closed: [
      "import { run } from '../../engine/run.ts';",
      "import { openLedger } from '../../ledger/ledger.ts';",
      "import type { Decision } from '../../planner/decision.ts';",
      "import { startEmulator } from '../../dev/emulator/index.ts';",
    ],
  },
  'src/doors/cli/demo.ts': {
    open: ["export const dev = await import('../../dev/emulator/index.ts');"],
    closed: ["import { run } from '../../engine/run.ts';"],
  },
  'src/doors/cli/policy-case.ts': {
    open: ["import { newEmulator } from '../../dev/emulator/emulator.ts';"],
    closed: ["import { plan } from '../../planner/plan.ts';"],
  },
  'src/doors/cli/policy-test.ts': {
    open: ["import { purge } from '../../index.ts';"],
    closed: ["import { newEmulator } from '../../dev/emulator/emulator.ts';"],
  },
  'src/dev/emulator/index.ts': {
    open: ["import { jsonLine } from '../../report/escape.ts';"],
    closed: ["import { purge } from '../../index.ts';", "import { plan } from '../../planner/plan.ts';"],
  },
  'functions/runs.ts': {
    open: ["import { ledger } from '../src/doors/app.ts';", "import { purge } from '../src/index.ts';"],
    closed: [
      "import { run } from '../src/engine/run.ts';",
      "import { openLedger } from '../src/ledger/ledger.ts';",
      "import { startEmulator } from '../src/dev/emulator/index.ts';",
      "import { app } from 'durable-functions';",
    ],
  },
};

describe.each(Object.entries(ROOMS))('%s', (file, { open, closed }) => {
  test.each(open)('may: %s', async (text) => {
    expect(await rulesBrokenBy(text, file)).toEqual([]);
  });
  test.each(closed)('must not: %s', async (text) => {
    expect(await rulesBrokenBy(text, file)).not.toEqual([]);
  });
});

/** What asks the system for the time, or for a timer. */
const ASKS_THE_SYSTEM = [
  'export const at = Date.now();',
  'export const at = new Date();',
  'export const at = Date();',
  'export const at = performance.now();',
  'export const at = globalThis.performance.now();',
  'export const at = process.hrtime.bigint();',
  'export const timer = setTimeout(() => undefined, 1);',
  'export const timer = setInterval(() => undefined, 1);',
  'export const timer = setImmediate(() => undefined);',
  'export const signal = AbortSignal.timeout(1);',
  "import { setTimeout as sleep } from 'node:timers/promises';",
  "import { setTimeout } from 'timers';",
  "import { performance as clock } from 'node:perf_hooks';",
  "export const timers = await import('node:timers/promises');",
];

describe.each([
  'src/registry/queue.ts',
  'src/executor/batches.ts',
  'src/engine/run.ts',
  'src/engine/durable/orchestrators.ts',
  'src/ledger/ledger.ts',
  'src/ledger/store/lease.ts',
  'src/notify/send.ts',
])('%s has its time from a clock', (file) => {
  test.each(ASKS_THE_SYSTEM)('and not from: %s', async (text) => {
    expect(await rulesBrokenBy(text, file)).not.toEqual([]);
  });
  test.each(['export const at = new Date(0);', 'export const at = Date.parse("2026-01-01");'])(
    'but it may: %s',
    async (text) => {
      expect(await rulesBrokenBy(text, file)).toEqual([]);
    },
  );
});

test.each(ASKS_THE_SYSTEM)('the clock alone may: %s', async (text) => {
  expect(await rulesBrokenBy(text, 'src/registry/clock.ts')).toEqual([]);
});

describe('the clock', () => {
  const imported = (file: string, type = ''): Promise<readonly string[]> => {
    const up = '../'.repeat(file.split('/').length - 2);
    return rulesBrokenBy(`import ${type}{ systemClock } from '${up}registry/clock.ts';`, file);
  };
  test.each([
    'src/registry/queue.ts',
    'src/ledger/ledger.ts',
    'src/ledger/store/system.ts',
    'src/engine/run.ts',
    'src/engine/durable/context.ts',
  ])('may be had by %s', async (file) => {
    expect(await imported(file)).toEqual([]);
  });
  test('is known to the executor by type alone: it is given one', async () => {
    expect(await imported('src/executor/batches.ts', 'type ')).toEqual([]);
    expect(await imported('src/executor/batches.ts')).not.toEqual([]);
  });
  test.each(['src/planner/plan.ts', 'src/policy/guards.ts', 'src/report/text.ts'])(
    'is closed to %s, and so is its type',
    async (file) => {
      expect(await imported(file)).not.toEqual([]);
      expect(await imported(file, 'type ')).not.toEqual([]);
    },
  );
});

test('a new room is closed', async () => {
  expect(await rulesBrokenBy("import { plan } from '../planner/plan.ts';", 'src/newroom/new.ts')).not.toEqual([]);
  expect(await rulesBrokenBy('export {};', 'src/loose.ts')).not.toEqual([]);
});
