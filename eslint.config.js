import js from '@eslint/js';
import boundaries from 'eslint-plugin-boundaries';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What the engine joins. */
const JOINED = [
  'policy',
  'registry',
  'clock',
  'evidence',
  'planner',
  'executor',
  'ledger',
  'store',
  'report',
  'notify',
];

/**
 * The rooms, and what each may import: everything, or types alone. What is not named is closed, so a new room is closed
 * until it stands here. `docs/architecture.md` explains the rooms; `test/docs/walls.test.ts` tries a wrong import in each.
 */
const rooms = {
  policy: {},
  // Time, for every room that waits or measures it.
  clock: {},
  registry: { everything: ['redact', 'clock'] },
  // It knows neither what is deleted nor what is recorded.
  evidence: { everything: ['redact', 'clock', 'policy'] },
  planner: { types: ['policy', 'registry', 'evidence'] },
  executor: { types: ['registry', 'planner', 'clock'] },
  redact: {},
  store: { everything: ['redact', 'clock'], types: ['policy'] },
  ledger: { everything: ['policy', 'planner', 'redact', 'clock', 'store'], types: ['evidence'] },
  report: { everything: ['planner', 'ledger', 'redact'], types: ['policy'] },
  // It knows neither what is decided nor where it is recorded: it is given what to say.
  notify: { everything: ['redact', 'clock'], types: ['policy', 'report'] },
  // Only the engine joins rooms.
  engine: { everything: [...JOINED, 'durable'] },
  durable: { everything: [...JOINED, 'engine'] },
  index: {
    everything: ['policy', 'registry', 'evidence', 'planner', 'ledger', 'store', 'report', 'engine', 'durable'],
  },
  doors: { everything: ['index', 'policy', 'report', 'redact'] },
  functions: { everything: ['index', 'doors'] },
  dev: { everything: ['policy', 'report'] },
};

/** Rooms within rooms first: the first pattern that fits a file names its room. */
const elements = [
  { type: 'redact', pattern: 'src/ledger/redact' },
  { type: 'store', pattern: 'src/ledger/store' },
  { type: 'durable', pattern: 'src/engine/durable' },
  ...[
    'policy',
    'registry',
    'evidence',
    'planner',
    'executor',
    'ledger',
    'report',
    'notify',
    'engine',
    'doors',
    'dev',
  ].map((type) => ({
    type,
    pattern: `src/${type}`,
  })),
  { type: 'functions', pattern: 'functions' },
];
/** `src/index.ts` is a file and no folder, and so is the clock; and some commands run what is in `dev`, once they are called. */
const files = [
  { category: 'clock', pattern: 'src/registry/clock.ts' },
  { category: 'index', pattern: 'src/index.ts' },
  { category: 'dev command', pattern: 'src/doors/cli/{demo,emulator,policy-case}.ts' },
];

const place = (room) =>
  files.some(({ category }) => category === room)
    ? { file: { categories: { anyOf: [room] } } }
    : { element: { type: room } };
const opened = (from, to, only = {}) => ({ from, allow: { to, ...only } });
const policies = [
  ...Object.entries(rooms).flatMap(([room, { everything = [], types = [] }]) => [
    ...[room, ...everything].map((other) => opened(place(room), place(other))),
    ...types.map((other) => opened(place(room), place(other), { dependency: { kind: 'type' } })),
  ]),
  opened({ file: { categories: { anyOf: ['dev command'] } } }, place('dev')),
];

/** Packages that only one folder imports. */
const packages = {
  'durable-functions': 'src/engine/durable',
  '@azure/container-registry': 'src/registry',
  '@azure/storage-blob': 'src/ledger/store',
  '@azure/arm-resourcegraph': 'src/evidence',
};
const closedIn = (folder) => ({
  files: folder === undefined ? ['src/**', 'functions/**'] : [`${folder}/**`],
  rules: {
    'no-restricted-imports': [
      'error',
      ...Object.keys(packages)
        .filter((name) => packages[name] !== folder)
        .map((name) => ({ name, message: `Only ${packages[name]} imports it.` })),
    ],
  },
});

/** Each entry of a list would be an argument on the stack, which is too small for what comes from outside. What is
 * written right there, or is one entry or none, is short. */
const noListAsArguments = ['CallExpression', 'NewExpression'].map((call) => ({
  selector: `${call} > SpreadElement.arguments:not([argument.type='ConditionalExpression'][argument.consequent.type='ArrayExpression'][argument.alternate.type='ArrayExpression'])`,
  message: 'Not as arguments: a list may have any length. Use a loop, or reduce.',
}));
const noClock = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Time is passed in.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time is passed in.' },
  { selector: "CallExpression[callee.name='Date']", message: 'Time is passed in.' },
];
const noChance = [
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'No chance in a decision.' },
];
const noTimers = [
  ...[
    "MemberExpression[object.name='AbortSignal'][property.name='timeout']",
    "MemberExpression[object.name='process'][property.name=/^(?:hrtime|uptime)$/]",
    'MemberExpression[object.name=/^global(?:This)?$/][property.name=/^(?:Date|performance|set(?:Timeout|Interval|Immediate))$/]',
    'ImportExpression[source.value=/^(?:node:)?(?:timers|perf_hooks)/]',
  ].map((selector) => ({ selector, message: 'Time and timers come from the clock.' })),
];
const TIMERS = ['performance', 'setTimeout', 'setInterval', 'setImmediate'];
const OUTSIDE = ['process', 'crypto', 'fetch', 'globalThis', 'global', 'queueMicrotask', ...TIMERS];

export default defineConfig(
  globalIgnores(['dist', 'coverage']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Leaving something out of an object by naming it is what the rest is for.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['*.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ['src/**', 'functions/**'],
    plugins: { boundaries },
    settings: {
      'boundaries/elements': elements,
      'boundaries/files': files,
      'boundaries/dependency-nodes': ['import', 'export', 'dynamic-import'],
    },
    rules: {
      'boundaries/no-unknown-files': 'error',
      'boundaries/no-unknown-dependencies': 'error',
      'boundaries/dependencies': ['error', { default: 'disallow', policies }],
      'no-restricted-syntax': ['error', ...noListAsArguments],
    },
  },
  closedIn(undefined),
  ...Object.values(packages).map(closedIn),
  {
    files: ['src/policy/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^node:(?!os$)', message: 'The policy reads and writes nothing.' }] },
      ],
      'no-restricted-globals': ['error', ...OUTSIDE],
    },
  },
  {
    files: ['src/planner/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^[^.]', message: 'The planner knows values and nothing else.' },
            { regex: '/registry/clock\\.ts$', message: 'Time is passed in, as a value.' },
          ],
        },
      ],
      'no-restricted-globals': ['error', ...OUTSIDE],
      'no-restricted-syntax': ['error', ...noListAsArguments, ...noClock, ...noChance],
    },
  },
  {
    // Whatever waits or measures time is given a clock: a whole run can be tried on the clock of a test.
    files: ['src/{registry,evidence,executor,engine,ledger,notify}/**'],
    ignores: ['src/registry/clock.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?:node:)?(?:timers|perf_hooks)', message: 'Time and timers come from the clock.' }] },
      ],
      'no-restricted-globals': ['error', ...TIMERS],
      'no-restricted-syntax': ['error', ...noListAsArguments, ...noClock, ...noTimers],
    },
  },
);
