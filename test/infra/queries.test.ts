import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { sampleRegistry } from '../../src/dev/emulator/index.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { type Built, image, index, report } from '../../src/dev/emulator/manifests.ts';
import { findingsReport, REPORT_TYPES } from '../../src/dev/emulator/sample-reports.ts';
import { type App, DELETING, type LogRecord, MASTER_KEY, withApp } from '../support/app.ts';
import { images, repositoryOf, type Stored } from '../support/contents.ts';
import { type Query, readQuery } from '../support/kql.ts';
import { newFolder } from '../support/ledger.ts';
import { withServedEmulator } from '../support/registry.ts';

const infra = new URL('../../infra/', import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, infra), 'utf8');
const names = readdirSync(new URL('queries', infra));
const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

const SETTINGS = {
  PURGE_COMMAND: "--filter '.*:^([Ff]eature|pr|ci|dev|sha256)-' --ago 30d --untagged",
  PURGE_SCHEDULE: '0 1 * * Sun',
};

/** What the app logs, in good days and in bad ones. */
let log: readonly LogRecord[] = [];

beforeAll(async () => {
  log = [
    ...(await usualDays()),
    ...(await heldBack()),
    ...(await quarantined()),
    ...(await outOfTime()),
    ...(await twoAtOnce()),
    ...(await inQuarantine()),
    ...(await scanned()),
    // Wrong settings.
    ...(await withServedEmulator({ repositories: {} }, (emulator) => withApp(emulator, {}, watched))),
  ];
}, 120_000);

async function watched(app: App): Promise<readonly LogRecord[]> {
  await app.fireTimer('watch');
  return [...app.log(), ...app.watchLog()];
}

/** A plan that is carried out; runs that fail, that delete, and that find nothing to do; and a registry that refuses. */
function usualDays(): Promise<readonly LogRecord[]> {
  return withServedEmulator({ repositories: sampleRegistry() }, (emulator) =>
    withApp(emulator, { ...SETTINGS, ...DELETING, RETENTION_STORAGE: newFolder() }, async (app) => {
      const plan = await app.ask('/api/dry-run?filter=shop/web:^pr-&ago=30d');
      const { summary } = (await plan.json()) as { readonly summary: { readonly runId: string } };
      await app.ask(`/api/plans/${summary.runId}/apply`, { method: 'POST', key: MASTER_KEY });
      emulator.faults({ failing: ({ kind }) => (kind.startsWith('delete-') ? 405 : undefined) });
      await app.fireTimer();
      emulator.faults({});
      for (let run = 0; run < 3; run++) await app.fireTimer();
      emulator.faults({ failing: ({ kind }) => (kind === 'catalog' ? 403 : undefined) });
      await app.fireTimer();
      return watched(app);
    }),
  );
}

/** All tags of a repository are to be deleted: a dry run foresees that a guard prevents it, and the timer finds so. */
function heldBack(): Promise<readonly LogRecord[]> {
  const repositories = { app: repositoryOf(...images('app', 3, 'dev')) };
  return withServedEmulator({ repositories }, (emulator) =>
    withApp(emulator, { ...SETTINGS, PURGE_DRY_RUN: 'false' }, async (app) => {
      await app.ask('/api/dry-run?filter=app:^dev&ago=30d');
      await app.fireTimer();
      return app.log();
    }),
  );
}

/** What is to be deleted is made unreadable first. */
function quarantined(): Promise<readonly LogRecord[]> {
  const repositories = { app: repositoryOf(...images('app', 3, 'dev'), ...images('v', 3, 'v')) };
  return withServedEmulator({ repositories }, (emulator) =>
    withApp(emulator, { ...SETTINGS, ...DELETING, QUARANTINE: '14d' }, async (app) => {
      await app.fireTimer();
      return app.log();
    }),
  );
}

function outOfTime(): Promise<readonly LogRecord[]> {
  const apps = Array.from({ length: 30 }, (_, n) => `app${n}`);
  const repositories = Object.fromEntries(apps.map((name) => [name, repositoryOf(...images(name, 1, 'dev'))]));
  return withServedEmulator({ repositories, faults: { latencyMs: 20 } }, (emulator) => {
    const command = { PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --concurrency 1", RUN_TIME_BUDGET: '1s' };
    return withApp(emulator, { ...SETTINGS, ...DELETING, ...command }, async (app) => {
      await app.fireTimer();
      return app.log();
    });
  });
}

/** Some is put into quarantine, and one of it is in use when the next run looks. */
function inQuarantine(): Promise<readonly LogRecord[]> {
  const repositories = {
    app: repositoryOf(...images('app', 3, 'dev'), { built: image('both'), days: 60, tags: ['v-1', 'dev-9'] }),
    kept: repositoryOf(...images('kept', 3, 'v')),
  };
  return withServedEmulator({ repositories }, async (emulator) => {
    const list = `${newFolder()}.txt`;
    writeFileSync(list, `${emulator.loginServer}/kept:v-0 shelf 7\n`);
    const settings = {
      ...SETTINGS,
      ...DELETING,
      QUARANTINE: '14d',
      IN_USE: `list:${list}`,
      RETENTION_STORAGE: newFolder(),
    };
    return withApp(emulator, settings, async (app) => {
      await app.fireTimer();
      writeFileSync(list, `${emulator.loginServer}/app:dev-1 shelf 7\n${emulator.loginServer}/app:dev-9 shelf 7\n`);
      await app.fireTimer();
      return app.log();
    });
  });
}

/** Reports of a scanner are attached to what is deleted, an image of two platforms too, and to what is in use. */
function scanned(): Promise<readonly LogRecord[]> {
  const text = findingsReport('app', { critical: 1, high: 2, fixed: 1 });
  const withReport = (built: Built, ...tags: readonly string[]): readonly Stored[] => [
    { built, days: 60, tags },
    { built: report(built, REPORT_TYPES.findings, text), days: 59 },
  ];
  const platforms = ['amd64', 'arm64'].map((architecture) => ({
    ...image(`app/${architecture}`),
    architecture,
    os: 'linux',
  }));
  const app = repositoryOf(
    ...images('app', 3, 'v'),
    ...withReport(image('app/used'), 'dev-1'),
    ...withReport(image('app/old'), 'dev-2'),
    ...platforms.flatMap((one) => withReport(one)),
    { built: index(platforms), days: 60, tags: ['dev-3'] },
  );
  return withServedEmulator({ repositories: { app: { ...app, blobs: [text] } } }, (emulator) => {
    const list = `${newFolder()}.txt`;
    writeFileSync(list, `${emulator.loginServer}/app:dev-1 shelf 7\n`);
    const settings = { ...SETTINGS, ...DELETING, FINDINGS: 'referrers', IN_USE: `list:${list}` };
    return withApp(emulator, settings, async (own) => {
      await own.fireTimer();
      return own.log();
    });
  });
}

/** Of two registries one is purged by somebody else just then, so that no run begins there. */
function twoAtOnce(): Promise<readonly LogRecord[]> {
  return withServedEmulator({ repositories: {} }, (one) =>
    withServedEmulator({ repositories: {} }, async (other) => {
      const folder = newFolder();
      const holder = { runId: 'another', startedBy: 'command line', host: 'elsewhere', pid: 1, since: '2026-11-24' };
      const lock = await openLedger(folderStore(folder)).lock(other.loginServer, holder);
      const settings = { ...SETTINGS, ...DELETING, RETENTION_STORAGE: folder };
      const registries = { ACR_REGISTRY: `${one.loginServer} ${other.loginServer}` };
      try {
        return await withApp(one, { ...settings, ...registries }, async (app) => {
          await app.fireTimer();
          return app.log();
        });
      } finally {
        await lock.release();
      }
    }),
  );
}

function valueAt(record: LogRecord, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => (value as LogRecord | undefined)?.[name], record);
}

/** What is wrong with a query: a field that none of the records has that it selects, or a value that no record has. */
function mistakesIn({ paths, comparisons }: Query): readonly string[] {
  const isOneOf = (record: LogRecord, path: string, values: readonly string[]): boolean => {
    const value = valueAt(record, path);
    return values.includes(typeof value === 'string' ? value : JSON.stringify(value));
  };
  const selected = log.filter((record) =>
    comparisons.every(({ path, values, isSelecting }) => !isSelecting || isOneOf(record, path, values)),
  );
  const fields = paths.filter((path) => !selected.some((record) => valueAt(record, path) !== undefined));
  const values = comparisons.flatMap(({ path, values }) =>
    values.filter((value) => value !== '' && !log.some((record) => isOneOf(record, path, [value]))),
  );
  return [...fields.map((path) => `no field ${path}`), ...values.map((value) => `no value ${value}`)];
}

describe.each(names)('%s', (name) => {
  const text = textOf(`queries/${name}`);
  const query = readQuery(text);

  test('is understood, and bound to the tables of Application Insights', () => {
    expect(query.diagnostics).toEqual([]);
    expect(query.columns.length).toBeGreaterThan(1);
  });

  test('reads only what the log has', () => {
    expect(query.paths.length).toBeGreaterThan(1);
    expect(mistakesIn(query)).toEqual([]);
  });

  test('says what it answers, is documented with that, and takes the time that its caller passes', () => {
    const question = /^\/\/ (?:Alert: )?(.*\?)\n/.exec(text)?.[1] ?? 'none';
    const row = new RegExp(`^\\| \\[\`${name}\`\\]\\(\\.\\./infra/queries/${name}\\) *\\| (.*?) *\\|$`, 'm').exec(page);
    expect(row?.[1]).toBe(question);
    // An alert may say for how long nothing was heard; but the table is what the time range lets through.
    expect(text).not.toMatch(/timestamp\s*(?:>|between)/);
    // What stands in braces is a parameter for a workbook.
    expect(text).not.toContain('}');
  });

  test('is an alert, or in the workbook, or for people only', () => {
    const uses = ['alerts.bicep', 'workbook.bicep'].filter((file) => textOf(file).includes(`'queries/${name}'`));
    const expected = name.startsWith('alert-')
      ? ['alerts.bicep']
      : name === 'why-deleted.kql'
        ? []
        : ['workbook.bicep'];
    expect(uses).toEqual(expected);
  });
});

test('an alert finds in its query what it tells alerts apart by', () => {
  const rules = [...textOf('alerts.bicep').matchAll(/'(queries\/[^']+)'[^]*?dimensions: \[(.*)\]/g)];
  expect(rules.length).toBe(4);
  for (const [, path = '', dimensions = ''] of rules) {
    const names = [...dimensions.matchAll(/'(\w+)'/g)].map(([, name]) => name);
    expect(readQuery(textOf(path)).columns).toEqual(expect.arrayContaining(names));
  }
});

describe('this test finds', () => {
  const from = "traces | where message startswith '{' | extend d = parse_json(message)";

  test.each([
    ['a field that there is not', "| where d.event == 'decision' | project d.made.up", ['no field made.up']],
    ['one within another', "| where d.event == 'run-ended' | project tolong(d['tags'].made)", ['no field tags.made']],
    ['one of another event', "| where d.event == 'watch' | project d.planHash", ['no field planHash']],
    [
      'one that only failures have',
      "| where d.event == 'decision' and d.outcome == 'deleted' | project d.error.message",
      ['no field error.message'],
    ],
    [
      'a value that there is not',
      "| where d.event == 'decision' | summarize countif(d.kind == 'tags')",
      ['no value tags'],
    ],
    ['one of a list', "| where tostring(d.event) in ('watch', 'watched') | project d.overdue", ['no value watched']],
  ])('%s', (_, rest, mistakes) => {
    const query = readQuery(`${from} ${rest}`);
    expect(query.diagnostics).toEqual([]);
    expect(mistakesIn(query)).toEqual(mistakes);
  });

  test('what is no query, and columns that there are not', () => {
    expect(readQuery(`${from} | where`).diagnostics).not.toEqual([]);
    expect(readQuery('traces | project Message').diagnostics).toEqual([expect.stringContaining('Message')]);
  });
});
