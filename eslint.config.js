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
            regex: `^\\.\\.?/(.*/)?${room}(/|\\.ts$)`,
            message: `${files[0]} stays apart from ${room}.`,
          })),
          ...types.map((room) => ({
            regex: `^\\.\\.?/(.*/)?${room}(/|\\.ts$)`,
            allowTypeImports: true,
            message: `${files[0]} takes only types from ${room}.`,
          })),
        ],
      },
    ],
  },
});
const doors = ['functions', 'cli', 'host', 'http', 'app'];
/** What joins the rooms. */
const joints = ['retention', 'run', 'unit'];

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
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['*.js'], extends: [tseslint.configs.disableTypeChecked] },
  wall(['src/policy/**'], [...doors, 'emulator', 'registry', 'planner', 'executor', 'report', ...joints]),
  wall(['src/registry/**'], [...doors, 'emulator', 'policy', 'planner', 'executor', 'report', ...joints]),
  wall(['src/planner/**'], [...doors, 'emulator', 'executor', 'report', ...joints], {
    types: ['policy', 'registry'],
  }),
  wall(['src/executor/**'], [...doors, 'emulator', 'policy', 'report', ...joints], {
    types: ['registry', 'planner'],
  }),
  wall(['src/report/**'], [...doors, 'emulator', 'registry', 'executor', ...joints], {
    types: ['policy', 'planner'],
  }),
  wall(['src/emulator/**'], [...doors, 'policy', 'registry', 'planner', 'executor', 'report', ...joints]),
  wall(['src/cli/**'], ['functions', 'host', 'http', 'app', 'registry', 'planner', 'executor', 'run', 'unit']),
  wall(['src/http/**'], ['functions', 'cli', 'host', 'app', 'emulator', 'registry', 'planner', 'executor']),
  wall(['functions/**'], ['cli', 'host', 'emulator', 'registry', 'planner', 'executor', 'run', 'unit']),
  wall(['src/host/**'], ['functions', 'cli', 'http', 'app', 'registry', 'planner', 'executor', ...joints]),
  wall(['src/*.ts'], ['functions', 'cli', 'host', 'http', 'emulator']),
);
