import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import {
  type HttpFunctionOptions,
  HttpRequest,
  HttpResponse,
  type HttpResponseInit,
  InvocationContext,
  type TimerFunctionOptions,
} from '@azure/functions';
import { vi } from 'vitest';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import type { FunctionMetadata } from '../../src/dev/host/protocol.ts';
import { find, opens, routesOf } from '../../src/dev/host/routes.ts';
import { ledgerAt } from '../../src/index.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { type Environment, readLedgerSettings, readSettings } from '../../src/policy/settings.ts';
import { printable } from '../../src/report/escape.ts';
import { createLog } from '../../src/report/log.ts';
import { type App, KEY, MASTER_KEY, recordsIn } from './app.ts';
import { newLedger } from './ledger.ts';
import { USER } from './registry.ts';

/*
 * The functions of the app, called in this process: for what they answer and do. What the host has to do with (that it
 * loads them, streams, and ends them) is tested with the built app, `withApp`. Only what is read once an app is another:
 * its settings are those of the app that is called.
 */

type Configured = ReturnType<typeof readSettings>;

interface Deployed {
  readonly configuration: Configured;
  readonly ledger: Ledger;
}

const deployed = new AsyncLocalStorage<Deployed>();

function current(): Deployed {
  const found = deployed.getStore();
  if (!found) throw new Error('no app is called');
  return found;
}

type HttpOptions = HttpFunctionOptions & { readonly name: string };

const http = new Map<string, HttpOptions>();
const timers = new Map<string, TimerFunctionOptions>();

const root = fileURLToPath(new URL('../../', import.meta.url));
let loading: Promise<void> | undefined;

/** Registers the functions, once. */
async function load(): Promise<void> {
  vi.doMock(import('@azure/functions'), async (importOriginal) => {
    const functions = await importOriginal();
    const app = {
      ...functions.app,
      setup: () => undefined,
      hook: { ...functions.app.hook, appTerminate: () => ({ dispose: () => undefined }) },
      http: (name: string, options: HttpFunctionOptions) => void http.set(name, { ...options, name }),
      timer: (name: string, options: TimerFunctionOptions) => void timers.set(name, options),
    };
    return { ...functions, app };
  });
  vi.doMock(import('../../src/doors/app.ts'), () => ({
    get configuration() {
      return current().configuration;
    },
    get ledger() {
      return current().ledger;
    },
    log: createLog('trace'),
    isDurable: false,
  }));
  for (const file of readdirSync(resolve(root, 'functions')))
    await import(/* @vite-ignore */ resolve(root, 'functions', file));
}

/** What a test has of it. */
export type AppHere = Omit<App, 'process' | 'url'>;

/** Gives a test the app with these settings. @see withApp */
export async function withAppHere<T>(
  emulators: Emulator | readonly [Emulator, ...Emulator[]],
  settings: Environment,
  test: (app: AppHere) => Promise<T>,
): Promise<T> {
  await (loading ??= load());
  const all = 'url' in emulators ? [emulators] : emulators;
  const environment: Environment = {
    ACR_REGISTRY: all.map(({ loginServer }) => loginServer).join(' '),
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
    ...settings,
  };
  const state: Deployed = {
    configuration: readSettings(environment, (path) => readFileSync(resolve(root, path), 'utf8')),
    ledger: ledgerIn(environment),
  };
  const lines: string[] = [];
  const print = (level: string, name: string, message: string): void => {
    if (level !== 'debug' && level !== 'trace')
      lines.push(`${new Date().toISOString()} ${level} [${name}] ${printable(message)}`);
  };
  const invoke = async <R>(name: string, work: (context: InvocationContext) => Promise<R>, params = {}): Promise<R> => {
    const context = new InvocationContext({
      invocationId: randomUUID(),
      functionName: name,
      triggerMetadata: params,
      logHandler: (level, ...about) => print(level, name, format(...about)),
    });
    print('information', name, `executing (${context.invocationId})`);
    try {
      const result = await deployed.run(state, () => work(context));
      print('information', name, 'executed (Succeeded)');
      return result;
    } catch (error) {
      print('error', name, `executed (Failed): ${(error as Error).message}`);
      throw error;
    }
  };
  const ask: App['ask'] = async (path, { key = KEY, method = 'GET', headers = {}, body } = {}) => {
    const { pathname, searchParams, href } = new URL(path, 'http://127.0.0.1');
    const found = find(routesOf(metadata(), ''), method, pathname);
    if (!found) return new Response(null, { status: 404 });
    const { route, params } = found;
    if (!opens(searchParams.get('code') ?? key, route.authLevel, { default: KEY, master: MASTER_KEY }))
      return new Response(null, { status: 401 });
    const decoded = Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]),
    );
    const request = new HttpRequest({
      method,
      url: href,
      headers: headers as Record<string, string>,
      query: Object.fromEntries(searchParams),
      params: decoded,
      ...(typeof body === 'string' && { body: { string: body } }),
    });
    const answer = await invoke(
      route.name,
      async (context) => (await http.get(route.name)?.handler(request, context)) as HttpResponseInit,
      decoded,
    );
    return new HttpResponse(answer) as unknown as Response;
  };
  return test({
    ask,
    lines: () => lines,
    log: () => recordsIn(lines, (name) => name !== 'watch'),
    watchLog: () => recordsIn(lines, (name) => name === 'watch'),
    async fireTimer(name = 'scheduledPurge') {
      const timer = {
        isPastDue: false,
        schedule: { adjustForDST: true },
        scheduleStatus: { last: '', next: '', lastUpdated: '' },
      };
      // That it failed stands in a line.
      await invoke(name, async (context) => {
        await timers.get(name)?.handler(timer, context);
      }).catch(() => undefined);
    },
  });
}

function ledgerIn(environment: Environment): Ledger {
  try {
    const { storage } = readLedgerSettings(environment);
    if (storage) return ledgerAt(storage, root);
  } catch {
    // The configuration says what is wrong with it.
  }
  return newLedger();
}

function metadata(): readonly FunctionMetadata[] {
  return Array.from(http.values(), ({ name, methods = ['GET', 'POST'], authLevel = 'function', route = name }) => ({
    name,
    bindings: { request: { type: 'httpTrigger', direction: 'in', methods, authLevel, route } },
  }));
}
