import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LOCK_SECONDS } from '../../src/ledger/store/store.ts';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/durable-engine.md', root), 'utf8');
const section = /\n## What `host\.json` says to Durable Functions\n([^]*)$/.exec(page)?.[1] ?? '';

interface Host {
  readonly extensionBundle: Readonly<Record<string, string>>;
  readonly extensions: {
    readonly http: object;
    readonly durableTask: { readonly hubName: string; readonly storageProvider: Readonly<Record<string, unknown>> };
  };
}
const host = JSON.parse(readFileSync(new URL('host.json', root), 'utf8')) as Host;
const { durableTask } = host.extensions;

/** Each setting, by its path, with its value. */
function leaves(value: object, path = ''): readonly (readonly [string, string])[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null
      ? leaves(inner as object, `${path}${name}.`)
      : [[path + name, String(inner)] as const],
  );
}

const seconds = (text: unknown): number =>
  String(text)
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0);

test('every setting of Durable Functions is documented with its value and a reason, and no other', () => {
  const rows = [...section.matchAll(/^\| `([\w.]+)` *\| `(.*?)` *\| (.*?) *\|$/gm)];
  expect(rows.map(([, path, value]) => [path, value])).toEqual(leaves(durableTask));
  for (const [row, , , why = ''] of rows) expect(why.length, row).toBeGreaterThan(20);
});

test('the task hub can be what tables and queues are named by', () => {
  expect(durableTask.hubName).toMatch(/^[a-z][a-z\d]{2,44}$/);
});

test('what a dead process was doing is seen again by the time its lock runs out, and is renewed until then', () => {
  const { storageProvider } = durableTask;
  for (const name of ['workItemQueueVisibilityTimeout', 'controlQueueVisibilityTimeout']) {
    const timeout = seconds(storageProvider[name]);
    // The host renews when 30 seconds are left, and looks every 5.
    const betweenRenewals = timeout - 30 + 5;
    expect(betweenRenewals, name).toBeGreaterThan(5);
    expect(section, name).toContain(`every ${timeout - 30} to ${betweenRenewals} seconds`);
    expect(section, name).toContain(`stands still for ${timeout - betweenRenewals} seconds`);
    expect(timeout, name).toBeLessThanOrEqual(LOCK_SECONDS);
  }
});

test('the documentation computes how long recovery takes from what is set', () => {
  const visible = seconds(durableTask.storageProvider['workItemQueueVisibilityTimeout']);
  const polling = seconds(durableTask.storageProvider['maxQueuePollingInterval']);
  const slowest = Math.max(visible, LOCK_SECONDS, 30 + 10);
  expect(section).toContain(`${slowest} + ${polling}, so **${slowest + polling} seconds**`);
  expect(section).toMatch(new RegExp(`\\| an activity that ran .*\\| 25 to ${visible} `));
  expect(section).toMatch(new RegExp(`\\| what an orchestration was being told .*\\| up to ${visible} `));
});

test('the bundle is of version 4, for whose Durable extension the JavaScript library is made', () => {
  expect(host.extensionBundle).toEqual({
    id: 'Microsoft.Azure.Functions.ExtensionBundle',
    version: '[4.*, 5.0.0)',
  });
  const { dependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  expect(dependencies['durable-functions']).toMatch(/^\^3\./);
});
