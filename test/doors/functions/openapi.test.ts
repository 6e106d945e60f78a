import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import type { FromWorker } from '../../../src/dev/host/protocol.ts';
import { ROUTES } from '../../../src/doors/http/routes.ts';
import { openapi } from '../../../src/doors/http/openapi.ts';
import { type App, DELETING, MASTER_KEY, withApp } from '../../support/app.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withLogsAtAzure } from '../../support/logs-at-azure.ts';
import { answered, document } from '../../support/openapi.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const ROOT = dirname(createRequire(import.meta.url).resolve('#package.json'));
const WORKER = fileURLToPath(new URL('../../../dist/src/dev/host/worker.js', import.meta.url));
const SETTINGS = { PURGE_COMMAND: "--filter '.*:^dev' --ago 30d", PURGE_SCHEDULE: '0 1 * * Sun' };
const RESOURCE =
  '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/shop/providers/Microsoft.ContainerRegistry/registries/contoso';

test('it is OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(openapi());
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test('the routes that the app registers are those that it describes, with their methods and keys', async () => {
  const worker = fork(WORKER, [ROOT], { env: { PATH: process.env['PATH'] }, stdio: 'pipe' });
  let registered: readonly object[] = [];
  try {
    while (registered.length === 0) {
      const [message] = (await once(worker, 'message')) as [FromWorker];
      if (message.type !== 'loaded') continue;
      registered = message.functions.flatMap(({ name, bindings }) =>
        Object.values(bindings)
          .filter(({ type }) => type === 'httpTrigger')
          .map(({ route = name, authLevel, methods = [] }) => ({
            name,
            path: `/${route}`,
            level: authLevel,
            methods: methods.map((method) => method.toLowerCase()).toSorted(),
          })),
      );
    }
  } finally {
    worker.kill();
  }
  const described = ROUTES.map(({ methods, path, template, ...route }) => ({
    ...route,
    path: template === undefined ? path : `/${template}`,
    methods: Object.keys(methods).toSorted(),
  }));
  const byName = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  expect(described.toSorted(byName)).toEqual(registered.toSorted(byName));
  expect(Object.keys(document.paths)).toEqual(ROUTES.map(({ path }) => path));
});

/** What this file does not make the app answer; other tests do, and hold it just the same. */
const ELSEWHERE =
  / (?:403|429|500|502) |(?:runs|runs\/\S+|reject|explain|review) 503 |^post \/api\/review |quarantine\/release 409 /;

test('every route answers as it is described, in each form and with each kind of problem', async () => {
  const repositories = { app: repositoryOf(...images('app', 2, 'dev'), ...images('kept', 1, 'v')) };
  const slow = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [`slow${n}`, repositoryOf(...images(`slow${n}`, 2, 'dev'))]),
  );
  await withServedEmulator({ repositories: { ...repositories, ...slow } }, (emulator) =>
    withApp(emulator, { ...SETTINGS, ...DELETING }, async (app) => {
      for (const path of [
        '/api/health',
        '/api/status',
        '/api/openapi.json',
        '/api/runs',
        '/api/runs?limit=0',
        '/api/runs/none',
        '/api/runs/none/decisions',
        '/api/explain',
        '/api/explain?image=app:dev-0',
        '/api/in-use',
        '/api/in-use?registry=other',
        '/api/unpulled',
        '/api/quarantine',
        '/api/quarantine?registry=other',
        '/api/risk',
        '/api/risk?since=soon',
        '/api/check',
        '/api/check?registry=other',
        '/',
        '/review',
        '/api/review',
        '/api/review?state=odd',
        '/api/review?view=quarantine',
        '/api/review?view=risk',
        '/api/review?run=20261124T010000Z-3f9a0c',
        '/api/review?run=20261124T010000Z-3f9a0c&format=json',
      ])
        await read(app, path);
      await read(app, '/api/health', { method: 'HEAD' });
      await read(app, '/api/check?registry=other', { method: 'POST' });
      expect(JSON.parse(await read(app, '/api/check', { method: 'POST' }))).toMatchObject({ counts: {}, findings: [] });
      expect(JSON.parse(await read(app, '/api/check'))).toMatchObject({ repositories: { checked: 13, of: 13 } });
      await read(app, '/api/runs', { key: 'wrong' });
      await read(app, '/api/explain?image=app:dev-0', accepting('image/png'));
      for (const accept of ['application/json', 'application/x-ndjson', 'text/plain', 'image/png']) {
        await read(app, '/api/dry-run?filter=app:^dev&ago=30d', accepting(accept));
        await read(app, '/api/dry-run', { method: 'POST', ...accepting(accept) });
      }
      await read(app, '/api/dry-run?ago=x');
      for (const [body, type] of [
        ['{', 'application/json'],
        ['<p>', 'text/html'],
        ['x'.repeat(70_000), 'text/plain'],
      ] as const)
        await read(app, '/api/dry-run', { method: 'POST', body, headers: { 'content-type': type } });
      await read(app, '/api/dry-run', { headers: { prefer: 'respond-async' } });

      const asked = JSON.parse(await read(app, '/api/dry-run?filter=app:^dev&ago=30d')) as {
        readonly summary: { readonly runId: string };
      };
      const { summary } = asked;
      const run = `/api/runs/${summary.runId}`;
      await read(app, run);
      for (const at of [`${run}/decisions`, `/api/review?run=${summary.runId}`]) {
        for (const format of ['json', 'ndjson', 'csv'])
          await read(app, `${at}${at.includes('?') ? '&' : '?'}format=${format}`);
        await read(app, `${at}${at.includes('?') ? '&' : '?'}format=odd`);
      }
      await read(app, `${run}/decisions`, accepting('image/png'));
      await read(app, '/api/explain?image=app:dev-0&format=ndjson');

      const master = { method: 'POST', key: MASTER_KEY };
      const apply = `/api/plans/${summary.runId}/apply`;
      await read(app, `${apply}?approve=${'x'.repeat(1_001)}`, master);
      await read(app, '/api/plans/none/apply', master);
      await read(app, `${apply}?approve=00000000`, master);
      await read(app, apply, master);
      await read(app, apply, master);
      const planned = JSON.parse(await read(app, '/api/dry-run?filter=slow1:^dev&ago=30d')) as typeof asked;
      const reject = `/api/plans/${planned.summary.runId}/reject`;
      await read(app, reject, master);
      expect(JSON.parse(await read(app, `${reject}?reason=not+yet`, master))).toMatchObject({
        plan: { state: 'rejected', reviews: [{ by: { kind: 'key' }, comment: 'not yet' }] },
      });
      await read(app, '/api/plans/20261124T010000Z-3f9a0c/reject?reason=not+yet', master);
      await read(app, `/api/plans/${summary.runId}/reject?reason=too+late`, master);
      await read(app, `${run}/cancel`, master);
      await read(app, '/api/runs/none/cancel', master);

      // Held back by no guard: one tag of two.
      const hidden = JSON.parse(
        await read(app, '/api/dry-run?filter=slow2:^dev-0&ago=30d&quarantine=14d'),
      ) as typeof asked;
      await read(app, `/api/plans/${hidden.summary.runId}/apply`, master);
      expect(JSON.parse(await read(app, '/api/quarantine'))).toMatchObject({ total: { images: 1 } });
      const release = '/api/quarantine/release';
      await read(app, release, master);
      await read(app, `${release}?repository=app&reference=nothing`, master);
      expect(await read(app, '/api/review?view=quarantine')).toContain('slow2:dev-0');
      expect(JSON.parse(await read(app, `${release}?repository=slow2&reference=dev-0`, master))).toMatchObject({
        summary: { succeeded: true, totals: { quarantine: { released: 1 } } },
      });

      emulator.faults({ latencyMs: 300 });
      const prefer = { prefer: 'respond-async' };
      const { runId } = JSON.parse(await read(app, '/api/dry-run', { method: 'POST', headers: prefer })) as {
        readonly runId: string;
      };
      await read(app, `/api/runs/${runId}/cancel`, master);
      while ((JSON.parse(await read(app, `/api/runs/${runId}`)) as { readonly state: string }).state === 'running');
      await read(app, `/api/runs/${runId}/cancel`, master);
    }),
  );
  await withServedEmulator({ repositories: {} }, (emulator) =>
    withApp(emulator, { ...SETTINGS, PURGE_COMMAND: '' }, async (app) => {
      for (const path of ['/api/health', '/api/status', '/api/dry-run', '/api/in-use', '/api/unpulled'])
        await read(app, path);
      await read(app, '/api/health', { method: 'HEAD' });
      await read(app, '/api/quarantine');
      await read(app, '/api/risk');
      await read(app, '/api/check');
      await read(app, '/api/check', { method: 'POST' });
      for (const path of ['/api/dry-run', '/api/plans/none/apply', '/api/quarantine/release?all=true'])
        await read(app, path, { method: 'POST', key: MASTER_KEY });
    }),
  );
  await withServedEmulator({ repositories: {} }, (emulator) =>
    withApp(emulator, { ...SETTINGS, WEBSITE_AUTH_ENABLED: 'true' }, async (app) => {
      for (const path of ['/', '/review']) await read(app, path, { redirect: 'manual' });
    }),
  );
  await withServedEmulator({ repositories }, (emulator) =>
    withLogsAtAzure(
      RESOURCE,
      [{ TimeGenerated: new Date(), OperationName: 'Push', Repository: 'app' }],
      async (logs) => {
        const certificates = join(newFolder(), 'ca.pem');
        mkdirSync(dirname(certificates));
        writeFileSync(certificates, `${emulator.certificate}\n${logs.certificate}`);
        const settings = {
          ...logs.environment,
          ACR_USERNAME: USER.username,
          ACR_PASSWORD: USER.password,
          NODE_EXTRA_CA_CERTS: certificates,
          REGISTRY_RESOURCE_ID: `${emulator.loginServer}=${RESOURCE}`,
        };
        await withApp(emulator, { ...SETTINGS, ...settings }, async (app) => {
          expect(JSON.parse(await read(app, '/api/unpulled'))).toMatchObject({ problems: [], isLongEnough: false });
          // The same for people: what was pushed today has not been there for a day.
          const page = `/api/review?view=unpulled&registry=${emulator.loginServer}&for=1d`;
          expect(await read(app, page)).toContain('Pulls are known for a shorter time only');
          expect(await read(app, page.replace('for=1d', 'for=soon'))).toContain('That cannot be asked');
        });
      },
    ),
  );
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses = {} }]) =>
      Object.entries(responses).flatMap(([status, { content }]) =>
        status === '401' ? [] : Object.keys(content).map((type) => `${method} ${path} ${status} ${type}`),
      ),
    ),
  );
  expect(described.filter((one) => !answered.has(one) && !ELSEWHERE.test(one))).toEqual([]);
});

const accepting = (accept: string) => ({ headers: { accept } });

/** What is answered, which is held against openapi.json as it is read. */
const read = async (app: App, path: string, init?: Parameters<App['ask']>[1]): Promise<string> =>
  (await app.ask(path, init)).text();
