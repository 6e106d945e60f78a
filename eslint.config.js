import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * The walls of the house: which rooms a room may not import from. `types` lists the rooms of which it may take types.
 * Written as a rule so that nobody has to remember it.
 */
const wall = (files, forbidden, { types = [] } = {}) => ({
  files,
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          ...forbidden.map((room) => ({
            // `policy/engine.ts` is no room.
            regex: room === 'engine' ? '^\\.\\.?/(.*/)?engine/' : `^\\.\\.?/(.*/)?${room}(/|\\.ts$)`,
            message: `${files[0]} stays apart from ${room}.`,
          })),
          ...types.map((room) => ({
            // A decision is the one record that flows through everything; and what a type can be is a list of texts.
            regex: `^\\.\\.?/(.*/)?${room}(/(?!(decision|types|redact)\\.ts$)|\\.ts$)`,
            allowTypeImports: true,
            message: `${files[0]} takes only types from ${room}.`,
          })),
        ],
      },
    ],
  },
});
const doors = ['functions', 'cli', 'host', 'http', 'app', 'lifecycle'];
/** What joins the rooms. */
const joints = [
  'retention',
  'apply',
  'begin',
  'cancel',
  'carry-out',
  'conclude',
  'conduct',
  'configured',
  'each-registry',
  'earlier',
  'engine',
  'inventory',
  'parent-status',
  'phases',
  'progress',
  'recover',
  'requested',
  'resume',
  'run',
  'scheduled',
  'select',
  'since-plan',
  'status',
  'steps',
  'stop',
  'tally',
  'target',
  'trips',
  'unit',
  'watch',
  'work',
];
/** Those that only the use cases know of. */
const inner = joints.filter((joint) => joint !== 'retention');

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
  {
    files: ['src/**', 'functions/**'],
    rules: {
      // Each entry of a list would be an argument on the stack, which is too small for what comes from outside. What is
      // written right there, or is one entry or none, is short.
      'no-restricted-syntax': [
        'error',
        ...['CallExpression', 'NewExpression'].map((call) => ({
          selector: `${call} > SpreadElement.arguments:not([argument.type='ConditionalExpression'][argument.consequent.type='ArrayExpression'][argument.alternate.type='ArrayExpression'])`,
          message:
            'Not as arguments: a list may have any length. Use a loop, or addTo, largest and smallest in each.ts.',
        })),
      ],
    },
  },
  { files: ['*.js'], extends: [tseslint.configs.disableTypeChecked] },
  wall(['src/policy/**'], [...doors, 'ledger', 'emulator', 'registry', 'planner', 'executor', 'report', ...joints]),
  wall(['src/registry/**'], [...doors, 'ledger', 'emulator', 'policy', 'planner', 'executor', 'report', ...joints]),
  wall(['src/planner/**'], [...doors, 'ledger', 'emulator', 'executor', 'report', ...joints], {
    types: ['policy', 'registry'],
  }),
  wall(['src/executor/**'], [...doors, 'ledger', 'emulator', 'policy', 'report', ...joints], {
    types: ['registry', 'planner'],
  }),
  wall(['src/report/**'], [...doors, 'emulator', 'registry', 'executor', ...joints], {
    types: ['policy', 'planner', 'ledger'],
  }),
  wall(['src/ledger/**'], [...doors, 'emulator', 'registry', 'executor', ...joints], {
    types: ['planner', 'report'],
  }),
  wall(['src/emulator/**'], [...doors, 'ledger', 'policy', 'registry', 'planner', 'executor', 'report', ...joints]),
  wall(
    ['src/cli/**'],
    ['functions', 'host', 'http', 'app', 'lifecycle', 'registry', 'planner', 'executor', 'ledger', ...inner],
  ),
  wall(['src/orchestration/**'], [...doors, 'emulator', 'retention', 'apply', 'conduct', 'inventory', 'unit']),
  wall(['src/http/**'], ['functions', 'cli', 'host', 'app', 'emulator', 'registry', 'planner', 'executor']),
  wall(['functions/**'], ['cli', 'host', 'emulator', 'registry', 'planner', 'executor', 'ledger', ...inner]),
  wall(['src/host/**'], ['functions', 'cli', 'http', 'app', 'registry', 'planner', 'executor', ...joints]),
  wall(['src/*.ts'], ['functions', 'cli', 'host', 'http', 'emulator']),
);
