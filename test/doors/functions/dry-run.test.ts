import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, sampleRegistry, startEmulator } from '../../../src/dev/emulator/index.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { DELETING, type App, KEY, until, withApp } from '../../support/app.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { run, USER, withServedEmulator } from '../../support/registry.ts';

const COMMAND = "--filter '.*:^(dev|pr)-' --ago 30d --untagged";
const SETTINGS = { PURGE_COMMAND: COMMAND, PURGE_SCHEDULE: '0 1 * * Sun' };
const JSON_TYPE = { 'content-type': 'application/json' };
const TEXT_TYPE = { 'content-type': 'text/plain' };

interface Answer {
  readonly decisions: readonly Decision[];
  readonly summary: RunSummary;
}

async function answerOf(response: Response): Promise<Answer> {
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

/** One app for the tests that only ask it. */
let emulator: Emulator;
let app: App;
let stop: () => void;
let stopped: Promise<void>;

beforeAll(async () => {
  emulator = await startEmulator({ repositories: sampleRegistry(), basic: USER });
  await new Promise<void>((started, failed) => {
    stopped = withApp(emulator, SETTINGS, (running) => {
      app = running;
      started();
      return new Promise<void>((resolve) => (stop = resolve));
    });
    stopped.catch(failed);
  });
});

afterAll(async () => {
  stop();
  await stopped;
  await emulator.close();
});

describe('the same answer however it is asked for', () => {
  test('the configured purge: the decisions of the command line', async () => {
    const before = { ...emulator.counts() };
    const { decisions, summary } = await answerOf(await app.ask('/api/dry-run', { method: 'POST' }));
    const { decisions: expected } = await run(emulator, [
      '-f',
      '.*:^(dev|pr)-',
      '--ago',
      '30d',
      '--untagged',
      '--dry-run',
    ]);
    const names = (all: readonly Decision[]) =>
      all.map(({ repository, tag, digest, reason }) => [repository, tag, digest, reason].join(' ')).sort();
    expect(names(decisions)).toEqual(names(expected));
    expect(summary).toMatchObject({ dryRun: true, succeeded: true, registry: emulator.loginServer });
    expect(summary.totals.manifests.deleted).toBeGreaterThan(50);
    // Reads and tokens, and nothing else.
    const changing = Object.entries(emulator.counts()).filter(
      ([kind, count]) => /^(?:update|delete|put|other)/.test(kind) && count > 0,
    );
    expect(changing).toEqual([]);
    expect(emulator.counts()['list-tags']).toBeGreaterThan(before['list-tags']);
  });

  const asked = '--filter shop/api:^pr- --ago 30d --keep 1';
  test.each<[string, string, RequestInit]>([
    ['a command line', '/api/dry-run', { method: 'POST', headers: TEXT_TYPE, body: `acr purge ${asked}` }],
    [
      'a line of an ACR Task',
      '/api/dry-run',
      {
        method: 'POST',
        headers: TEXT_TYPE,
        body: `mcr.microsoft.com/acr/acr-cli:0.17 purge -r {{ .Run.Registry }} ${asked}`,
      },
    ],
    [
      'fields',
      '/api/dry-run',
      { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ filter: ['shop/api:^pr-'], ago: '30d', keep: 1 }) },
    ],
    ['query parameters', '/api/dry-run?filter=shop/api:%5Epr-&ago=30d&keep=1', {}],
    ['query parameters and the key', `/api/dry-run?code=${KEY}&filter=shop/api:%5Epr-&ago=30d&keep=1`, {}],
  ])('%s', async (_, path, init) => {
    const { summary } = await answerOf(await app.ask(path, init));
    expect(summary.repositories.map(({ repository }) => repository)).toEqual(['shop/api']);
    expect(summary.totals.reasons['newest-kept']).toBe(1);
  });
});

test('a policy file: its rules decide, and its mistakes are answered with their places', async () => {
  const ask = (body: string) =>
    app.ask('/api/dry-run?max-deletions=1000', {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body,
    });
  const rule = "  - { name: old, repositories: ['shop/api'], tags: ['pr-*'], keep: { newest: 1 }, olderThan: 30d }";
  const { decisions, summary } = await answerOf(await ask(`version: 1\nrules:\n${rule}\n`));
  expect(summary.repositories.map(({ repository }) => repository)).toEqual(['shop/api']);
  expect(summary.totals.reasons).toMatchObject({ 'kept-newest': 1 });
  expect(decisions.filter(({ action, kind }) => action === 'delete' && kind === 'tag').length).toBeGreaterThan(0);
  expect(decisions.find(({ reason }) => reason === 'rule-matched')).toMatchObject({ rule: 'old' });
  const refused = await ask('version: 1\nrules:\n  - name: old\n    olderthan: 30d\n  - name: old\n');
  expect(refused.status).toBe(400);
  const { errors } = (await refused.json()) as { readonly errors: readonly object[] };
  expect(errors).toContainEqual(expect.objectContaining({ field: 'olderthan', line: 4, column: 5 }));
  expect(errors).toContainEqual(expect.objectContaining({ field: 'rules', line: 5, column: 5 }));
});

describe('the forms of an answer', () => {
  test('NDJSON: a decision a line, then the summary', async () => {
    const response = await app.ask('/api/dry-run', { headers: { accept: 'application/x-ndjson' } });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    const lines = (await response.text()).trimEnd().split('\n');
    const records = lines.map((line) => JSON.parse(line) as Partial<Decision> & { readonly summary?: RunSummary });
    expect(records.pop()?.summary).toMatchObject({ dryRun: true, succeeded: true });
    expect(records.length).toBeGreaterThan(100);
    expect(records.every(({ action, reason }) => action !== undefined && reason !== undefined)).toBe(true);
  });

  test('text: every decision, then the table', async () => {
    const response = await app.ask('/api/dry-run', { headers: { accept: 'text/plain' } });
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const text = await response.text();
    expect(text).toMatch(/^- would delete .*untagged-and-expired/m);
    expect(text).toMatch(/^REPOSITORY +TAGS delete/m);
    expect(text).toContain('DRY RUN: nothing was deleted.');
  });

  test.each([
    ['*/*', 'application/json'],
    ['application/json; charset=utf-8', 'application/json'],
    ['text/plain;version=1;q=0.5', 'text/plain'],
    ['application/json; q=0.1, application/x-ndjson; q=0.9', 'application/x-ndjson'],
    ['application/json; q=0, */*', 'application/x-ndjson'],
    ['application/*;q=0.5, text/plain;q=0.1', 'application/json'],
    ['text/html, application/x-ndjson;q=0.9, */*;q=0.1', 'application/x-ndjson'],
  ])('%s: %s', async (accept, mediaType) => {
    const response = await app.ask('/api/dry-run?untaggedOnly', { headers: { accept } });
    expect(response.headers.get('content-type')).toBe(`${mediaType}; charset=utf-8`);
    await response.arrayBuffer();
  });

  test('compressed where the client takes it, and only there', async () => {
    const plain = await app.ask('/api/dry-run', { headers: { 'accept-encoding': 'identity' } });
    const packed = await app.ask('/api/dry-run', { headers: { 'accept-encoding': 'gzip' } });
    expect([plain, packed].map(({ headers }) => headers.get('content-encoding'))).toEqual([null, 'gzip']);
    expect(packed.headers.get('vary')).toContain('Accept-Encoding');
    expect(Number(packed.headers.get('content-length'))).toBeLessThan(Number(plain.headers.get('content-length')) / 4);
    const [one, other] = [await answerOf(plain), await answerOf(packed)];
    expect(other.decisions.length).toBe(one.decisions.length);
  });
});

describe('what is refused, with a problem document', () => {
  async function problemOf(response: Response, status: number) {
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    const problem = (await response.json()) as {
      readonly status: number;
      readonly title: string;
      readonly detail: string;
      readonly errors?: readonly { readonly field: string; readonly detail: string }[];
    };
    expect(problem).toMatchObject({ type: 'about:blank', status, title: expect.stringMatching(/^\w/) as unknown });
    expect(problem.detail).not.toMatch(/\n\s+at |node_modules|\.[jt]s:\d/);
    return problem;
  }

  test.each<[string, string, RequestInit, readonly string[]]>([
    ['an age', '/api/dry-run?filter=a:b&ago=1.5d', {}, ['ago']],
    ['each mistake', '/api/dry-run?filter=a&ago=1.5d&keep=-1', {}, ['ago', 'filter', 'keep']],
    ['a filter that is none', '/api/dry-run?filter=a:(&ago=1d', {}, ['filter']],
    ['a parameter that there is not', '/api/dry-run?filtr=a:b&ago=1d', {}, ['filtr']],
    ['a switch', '/api/dry-run?untaggedOnly=maybe', {}, ['untaggedOnly']],
    ['a real purge', '/api/dry-run?untaggedOnly&dryRun=false', {}, ['dryRun']],
    ['another registry', '/api/dry-run?untaggedOnly&registry=contoso', {}, ['registry']],
    ['credentials', '/api/dry-run?untaggedOnly&username=me&password=hunter2', {}, ['password']],
    [
      'a field',
      '/api/dry-run',
      { method: 'POST', headers: JSON_TYPE, body: '{"untaggedOnly":true,"keep":[]}' },
      ['keep'],
    ],
    ['a command', '/api/dry-run', { method: 'POST', headers: TEXT_TYPE, body: 'acr purge --filtr x' }, ['filtr']],
    ['another command', '/api/dry-run', { method: 'POST', headers: TEXT_TYPE, body: 'rm -rf /' }, ['command']],
  ])('%s', async (_, path, init, names) => {
    const before = emulator.requests().length;
    const { errors = [], detail } = await problemOf(await app.ask(path, init), 400);
    expect(errors.map(({ field }) => field)).toEqual(names);
    expect(detail + JSON.stringify(errors)).not.toContain('hunter2');
    expect(emulator.requests().length).toBe(before);
  });

  test.each<[string, number, string, RequestInit]>([
    ['no JSON', 400, '/api/dry-run', { method: 'POST', headers: JSON_TYPE, body: '{' }],
    ['no object', 400, '/api/dry-run', { method: 'POST', headers: JSON_TYPE, body: '[1]' }],
    ['no UTF-8', 400, '/api/dry-run', { method: 'POST', headers: TEXT_TYPE, body: Buffer.from([0xff, 0xfe]) }],
    [
      'flags twice',
      400,
      '/api/dry-run?ago=1d',
      { method: 'POST', headers: TEXT_TYPE, body: 'acr purge --ago 1d -f a:b' },
    ],
    ['a form', 415, '/api/dry-run', { method: 'POST', body: new URLSearchParams({ ago: '1d' }) }],
    ['only a comment', 400, '/api/dry-run', { method: 'POST', headers: TEXT_TYPE, body: '# acr purge' }],
    ['only HTML', 406, '/api/dry-run', { headers: { accept: 'text/html' } }],
  ])('%s', async (_, status, path, init) => {
    const { detail } = await problemOf(await app.ask(path, init), status);
    expect(detail).not.toBe('');
  });

  test('a GET with a body, which fetch does not send, but curl does', async () => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { ...TEXT_TYPE, 'x-functions-key': KEY };
      request(`${app.url}/api/dry-run`, { method: 'GET', headers }, resolve).on('error', reject).end('-f a:b --ago 1d');
    });
    expect(response.statusCode).toBe(400);
    response.resume();
  });

  test('a path that is no path', async () => {
    for (const path of ['//', 'http://127.0.0.1:1/api/health', '/api//health', '/admin/functions/nothing']) {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        request(app.url, { path, headers: { 'x-functions-key': KEY } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
      expect(status).toBe(404);
    }
  });

  test('a hostile filter ends within seconds, and names itself', async () => {
    await withServedEmulator({ repositories: { app: repositoryOf(...images('app', 1, 'a'.repeat(60))) } }, (other) =>
      withApp(other, { ...SETTINGS, PURGE_COMMAND: '--untagged-only' }, async (own) => {
        const problem = await problemOf(await own.ask('/api/dry-run?filter=app:^(a%2B)%2B$&ago=1d'), 400);
        expect(problem.errors?.[0]).toMatchObject({ field: 'filter' });
        expect(problem.detail).toContain('--filter-timeout-seconds (5)');
      }),
    );
  });

  test('a wrong key, and none', async () => {
    expect((await app.ask('/api/dry-run', { key: 'wrong' })).status).toBe(401);
    expect((await fetch(`${app.url}/api/dry-run`)).status).toBe(401);
    expect((await fetch(`${app.url}/api/dry-run?code=${KEY}&untaggedOnly`)).status).toBe(200);
  });

  test('a giant body: told at once where its length is told, else after 64 KiB', async () => {
    const body = 'x'.repeat(70_000);
    await problemOf(await app.ask('/api/dry-run', { method: 'POST', headers: TEXT_TYPE, body }), 413);
    const limit = `-f a:b --ago 1d ${' '.repeat(65_000)}`;
    await answerOf(await app.ask('/api/dry-run', { method: 'POST', headers: TEXT_TYPE, body: limit }));

    const status = await new Promise<number | undefined>((resolve, reject) => {
      const endless = request(
        `${app.url}/api/dry-run`,
        { method: 'POST', headers: { ...TEXT_TYPE, 'x-functions-key': KEY, 'transfer-encoding': 'chunked' } },
        (response) => {
          clearInterval(more);
          resolve(response.statusCode);
          endless.destroy();
        },
      );
      const more = setInterval(() => endless.write('y'.repeat(16 * 1024)), 5);
      endless.on('error', reject);
    });
    expect(status).toBe(413);
  });
});

describe('a registry that does not answer', () => {
  test.each<[string, number, (emulator: Emulator) => Promise<void> | void, string]>([
    ['absent', 503, (one) => one.close(), 'ECONNREFUSED'],
    [
      'out of order',
      503,
      (one) => one.faults({ failing: ({ kind }) => (kind === 'catalog' ? 500 : undefined) }),
      '500',
    ],
    [
      'refusing the catalog',
      502,
      (one) => one.faults({ failing: ({ kind }) => (kind === 'catalog' ? 403 : undefined) }),
      '403',
    ],
    ['refusing every repository', 502, (one) => one.faults({ forbiddenRepositories: ['app', 'web'] }), 'DENIED'],
    [
      'refusing the identity',
      502,
      (one) => one.faults({ failing: ({ kind }) => (kind === 'exchange' ? 401 : undefined) }),
      '401',
    ],
  ])('%s: %i with the reason', async (_, status, disturb, reason) => {
    const repositories = {
      app: repositoryOf(...images('app', 1, 'dev')),
      web: repositoryOf(...images('web', 1, 'dev')),
    };
    await withServedEmulator({ repositories }, (other) =>
      withApp(other, SETTINGS, async (own) => {
        await disturb(other);
        const response = await own.ask('/api/dry-run');
        expect(response.status).toBe(status);
        expect(response.headers.get('content-type')).toContain('application/problem+json');
        const text = await response.text();
        expect(text).toContain(reason);
        expect(text).not.toMatch(/eyJ|\\n\s+at /);
      }),
    );
  });

  test('of which one repository is refused: the others are answered, and it is named', async () => {
    const repositories = {
      app: repositoryOf(...images('app', 1, 'dev')),
      web: repositoryOf(...images('web', 1, 'dev')),
    };
    await withServedEmulator({ repositories, faults: { forbiddenRepositories: ['web'] } }, (other) =>
      withApp(other, SETTINGS, async (own) => {
        const { summary, decisions } = await answerOf(await own.ask('/api/dry-run'));
        expect(decisions.map(({ repository }) => repository)).toContain('app');
        expect(summary.succeeded).toBe(false);
        expect(summary.repositories).toMatchObject([{ state: 'done' }, { repository: 'web', state: 'failed' }]);
      }),
    );
  });
});

test('a client that goes away ends the work', async () => {
  const names = Array.from({ length: 60 }, (_, n) => `app${n}`);
  const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 2, 'dev'))]));
  await withServedEmulator({ repositories, faults: { latencyMs: 100 } }, (other) =>
    withApp(other, { ...SETTINGS, PURGE_COMMAND: `${COMMAND} --concurrency 1` }, async (own) => {
      const gone = new AbortController();
      const asking = own.ask('/api/dry-run', { signal: gone.signal }).catch((error: unknown) => (error as Error).name);
      await until(() => other.counts()['list-tags'] >= 2);
      gone.abort();
      expect(await asking).toBe('AbortError');
      await until(() => own.lines().some((line) => line.includes('[dryRun] executed')));
      expect(other.counts()['list-tags']).toBeLessThan(10);
    }),
  );
});

test('several commands: each sees what the one before it would leave, and no artifact is decided twice', async () => {
  const contents = repositoryOf(...images('app', 3, 'dev'), ...images('old', 2, 'old'));
  await withServedEmulator({ repositories: { app: contents } }, (other) =>
    withApp(
      other,
      {
        ...SETTINGS,
        PURGE_COMMAND: "acr purge -f 'app:^dev' --ago 30d\nacr purge -f 'app:^dev|^old' --ago 30d --untagged --keep 1",
      },
      async (own) => {
        const { decisions, summary } = await answerOf(await own.ask('/api/dry-run'));
        const keys = decisions.map(({ kind, tag, digest }) => (kind === 'tag' ? tag : digest));
        expect(new Set(keys).size).toBe(keys.length);
        // The first takes the three dev tags; of old-0 and old-1 the second keeps the newer.
        expect(decisions.filter(({ kind, action }) => kind === 'tag' && action === 'delete')).toHaveLength(4);
        await own.ask('/api/status');

        // What it says is what happens.
        await withApp(
          other,
          {
            ...SETTINGS,
            ...DELETING,
            PURGE_COMMAND: "-f 'app:^dev' --ago 30d\n-f 'app:^dev|^old' --ago 30d --untagged --keep 1",
          },
          (real) => real.fireTimer(),
        );
        expect(other.tagsLeft()).toHaveLength(1);
        expect(other.manifestsLeft()).toHaveLength(5 - summary.totals.manifests.deleted);
      },
    ),
  );
});
