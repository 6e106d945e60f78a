import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dotnet } from '../support/functions-host/build.ts';
import { ROUTES } from '../../src/doors/http/routes.ts';
import { type Routing, type Start, startsOf } from '../support/functions-host/start.ts';

const text = readFileSync(new URL('../../host.json', import.meta.url), 'utf8');

/** What is wrong, in the place of what stands there; and what the host says to it. */
const MISTAKES: readonly (readonly [string, string | RegExp, string, string])[] = [
  [
    'less than a minute',
    /("controlQueueVisibilityTimeout": )"00:01:00"/,
    '$1"00:00:45"',
    'ControlQueueVisibilityTimeout must be between 1 and 60 minutes',
  ],
  ['61 seconds', /"00:01:00"/, '"00:00:61"', 'Error converting value "00:00:61"'],
  ['too many partitions', '"partitionCount": 4', '"partitionCount": 17', 'PartitionCount must be'],
  ['no hub', '"acrretention"', '"acr-retention"', "Task hub name 'acr-retention' should contain only"],
  [
    'no activities',
    '"maxConcurrentActivityFunctions": 8',
    '"maxConcurrentActivityFunctions": 0',
    'MaxConcurrentActivity',
  ],
  ['no such states', '"NonRunningStates"', '"Others"', 'Failed to convert'],
  [
    'a setting of the storage that is not known',
    '"partitionCount"',
    '"partitions"',
    "Could not find member 'partitions'",
  ],
  ['a setting of the engine that is not known', '"useGracefulShutdown"', '"graceful"', "'graceful'"],
  ['another storage', '"AzureStorage"', '"MSSQL"', 'Sequence contains no matching element'],
  ['no time', '"02:00:00"', '"two hours"', 'Failed to convert'],
  ['no time at all', '"02:00:00"', '"00:00:00"', 'FunctionTimeout must be greater'],
  ['no range', '"[4.*, 5.0.0)"', '"[4.x, 5.0.0)"', 'no range of versions'],
  ['no bundle', '"Microsoft.Azure.Functions.ExtensionBundle"', '"a bundle"', 'extensionBundle has no valid id'],
  ['no level', '"Azure": "Warning"', '"Azure": "Warn"', "'Warn' is not supported"],
  ['no yes or no', '"isEnabled": false', '"isEnabled": "off"', 'Failed to convert'],
  ['a setting of HTTP that is not known', '"routePrefix"', '"prefix"', "'prefix'"],
  ['no route', '"routePrefix": ""', '"routePrefix": "api/{"', 'route'],
  ['a section that is not known', '"functionTimeout"', '"timeout"', "'timeout'"],
  ['another version', '"version": "2.0"', '"version": "4.0"', "'4.0' is an invalid value"],
];

/** Each route as the app registers it (openapi.test.ts holds the two together), and one that is left empty. */
const FUNCTIONS: Routing['functions'] = [
  ...ROUTES.map(({ name, path, template, methods }) => ({
    name,
    route: template ?? path.slice(1),
    methods: Object.keys(methods).map((method) => method.toUpperCase()),
  })),
  { name: 'unnamed', route: '', methods: ['GET'] },
];

/** Requests, and the function that answers each. */
const REQUESTS: readonly (readonly [method: string, path: string, name: string | null])[] = [
  ...ROUTES.flatMap(({ name, path, methods }) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path.replace('{id}', 'x'), name] as const),
  ),
  ['GET', '/review/', 'link'],
  ['GET', '/API/Review', 'review'],
  ['POST', '/', null],
  ['GET', '/x', null],
  ['GET', '/api', null],
  ['GET', '/status', null],
  ['GET', '/admin/functions', null],
  // Why `home` is not registered with an empty route.
  ['GET', '/unnamed', 'unnamed'],
];

/** So that a machine that must check it does not skip it: see .ci/run. */
const mustRun = process.env['FUNCTIONS_HOST'] === 'required';

const prefixed = text.replace('"routePrefix": ""', '"routePrefix": "api"');

describe('the real Durable extension, and what else NuGet has of the Functions host', () => {
  let starts: readonly Start[] = [];
  let skipped: string | undefined;
  beforeAll(async () => {
    try {
      if (!dotnet) throw new Error('there is no dotnet on this machine');
      const texts = [text, ...MISTAKES.map(([, wrong, instead]) => text.replace(wrong, instead)), prefixed];
      starts = await startsOf(texts, {
        functions: FUNCTIONS,
        requests: REQUESTS.map(([method, path]) => [method, path]),
      });
    } catch (error) {
      if (mustRun) throw error;
      skipped = `SKIPPED: host.json is not held against the Durable extension: ${(error as Error).message}`;
      process.stderr.write(`${skipped}\n`);
    }
    // It is built the first time, from NuGet.
  }, 600_000);
  beforeEach(({ skip }) => {
    skip(skipped !== undefined, skipped);
  });

  test('starts with host.json', () => {
    expect(starts).toHaveLength(MISTAKES.length + 2);
    expect(starts[0]).toMatchObject({ refused: null });
    // There are no functions in that program; and a feature is advertised.
    const warnings = (starts[0]?.warnings ?? []).filter(
      (warning) => !/^No job functions found|^Durable Functions Distributed Tracing V2 is GA/.test(warning),
    );
    expect(warnings).toEqual([]);
  });

  test('finds for each request the function that openapi.json names, for the root and for links as well', () => {
    expect(starts[0]?.routed.map((name, n) => [...(REQUESTS[n]?.slice(0, 2) ?? []), name])).toEqual(REQUESTS);
  });

  test('each function has a route of its own, and none that is the host’s: it would not load the second', () => {
    const routes = FUNCTIONS.map(({ route = '' }) => route.toLowerCase());
    expect(new Set(routes).size).toBe(routes.length);
    expect(routes.filter((route) => /^(?:admin|runtime)\b/.test(route))).toEqual([]);
  });

  test('with a prefix of the routes it would find none for the root', () => {
    expect(prefixed).not.toBe(text);
    const roots = REQUESTS.flatMap(([, path], n) => (path === '/' ? [starts.at(-1)?.routed[n]] : []));
    expect(roots).toEqual([null, null]);
  });

  test('and does not log each call of the Azure SDK', () => {
    expect(starts[0]?.azure).toContain('Azure.Core');
    expect(starts[0]?.quiet).toEqual(starts[0]?.azure);
  });

  test.each(MISTAKES.map(([what, wrong, instead, why], n) => ({ what, wrong, instead, why, n })))(
    'does not with $what',
    ({ wrong, instead, why, n }) => {
      expect(text.replace(wrong, instead)).not.toBe(text);
      expect(starts[n + 1]?.refused).toContain(why);
    },
  );
});
