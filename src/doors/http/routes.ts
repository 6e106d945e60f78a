import * as z from 'zod';
import * as answers from './answer-schemas.ts';
import { FORM } from './review/form.ts';
import { REGISTRY_ROUTES } from './registry-routes.ts';
import { followed, formats, json, listed, type Operation, type Route, text } from './route.ts';
import {
  APPLY_QUERY,
  DECISIONS_QUERY,
  EXPLAIN_QUERY,
  PAGE_QUERY,
  REJECT_QUERY,
  REPOSITORIES_QUERY,
  REVIEW_QUERY,
  RISK_QUERY,
  RUNS_QUERY,
  UNPULLED_QUERY,
} from './query.ts';

/* The routes of the app as openapi.json describes them. Tests hold the table against what the app registers and answers. */

const health: Operation = {
  summary: 'Whether the settings are right, for load balancers and probes',
  answers: { 200: text('healthy'), 503: text('misconfigured') },
  problems: [],
};

const dryRun: Operation = {
  summary: 'Says what a purge would delete and why, and deletes nothing',
  description:
    'Without flags it is about the configured commands. A policy file as `application/yaml` stands in the place of filter, ' +
    'ago, keep, untagged and untaggedOnly; the other flags, and guards, are then parameters. The header Prefer (RFC 7240) says how long the client waits: ' +
    '`respond-async`, `wait=10`, or both. A dry run that takes longer is answered with 202, and continues.',
  takesFlags: true,
  query: [formats('json', 'ndjson', 'text')],
  answers: {
    200: listed('What would be deleted, and why', answers.dryRun, answers.dryRunLine, { 'text/plain': undefined }),
    202: followed('It takes longer than the client waits', answers.accepted),
  },
  problems: [400, 406, 429, 502, 503],
};

const home: Operation['answers'] = {
  200: { description: 'A page that asks for the key', forms: { 'text/html': undefined } },
  302: { description: 'People sign in: to the page', forms: {}, headers: ['Location'] },
};

export const ROUTES: readonly Route[] = [
  { name: 'health', path: '/api/health', level: 'anonymous', methods: { get: health, head: health } },
  {
    name: 'status',
    path: '/api/status',
    level: 'function',
    methods: {
      get: {
        summary: 'What the app is set to do, what is wrong with it, and when it runs next',
        answers: { 200: json('The status', answers.status) },
        problems: [],
      },
    },
  },
  {
    name: 'dryRun',
    path: '/api/dry-run',
    level: 'function',
    methods: { get: dryRun, post: { ...dryRun, problems: [...dryRun.problems, 413, 415] } },
  },
  {
    name: 'apply',
    path: '/api/plans/{id}/apply',
    level: 'admin',
    methods: {
      post: {
        summary: 'Deletes what a recorded plan says, and nothing else',
        query: [APPLY_QUERY],
        answers: { 200: json('The plan is applied, or was before', answers.applied) },
        problems: [400, 404, 409, 502, 503],
      },
    },
  },
  {
    name: 'reject',
    path: '/api/plans/{id}/reject',
    level: 'admin',
    methods: {
      post: {
        summary: 'Rejects a recorded plan: nothing more of it is deleted',
        query: [REJECT_QUERY],
        answers: { 200: json('The plan is rejected', answers.rejected) },
        problems: [400, 404, 409, 503],
      },
    },
  },
  {
    name: 'runs',
    path: '/api/runs',
    level: 'function',
    methods: {
      get: {
        summary: 'The recorded runs, the newest first',
        query: [RUNS_QUERY],
        answers: { 200: json('A page of runs', answers.runs) },
        problems: [400, 503],
      },
    },
  },
  {
    name: 'run',
    path: '/api/runs/{id}',
    level: 'function',
    methods: {
      get: {
        summary: 'A run with its repositories, or the runs of several registries that were started together',
        answers: { 200: json('The run', z.union([answers.runWithRepositories, answers.parent])) },
        problems: [404, 503],
      },
    },
  },
  {
    name: 'decisions',
    path: '/api/runs/{id}/decisions',
    level: 'function',
    methods: {
      get: {
        summary: 'The decisions of a run, all or some',
        query: [DECISIONS_QUERY, formats('json', 'ndjson', 'csv')],
        answers: {
          200: listed('The decisions', answers.decisions, answers.decisionOfOne, { 'text/csv': undefined }),
        },
        problems: [400, 404, 406, 503],
      },
    },
  },
  {
    name: 'cancel',
    path: '/api/runs/{id}/cancel',
    level: 'admin',
    methods: {
      post: {
        summary: 'Ends a run between deletions',
        answers: {
          200: json('It has ended', answers.cancelled),
          202: followed('It finishes what is in flight', answers.cancelAccepted),
        },
        problems: [404, 409, 503],
      },
    },
  },
  {
    name: 'explain',
    path: '/api/explain',
    level: 'function',
    methods: {
      get: {
        summary: 'What every recorded run decided on an image, and why',
        query: [EXPLAIN_QUERY, formats('json', 'ndjson')],
        answers: { 200: listed('The decisions, the newest first', answers.sightings, answers.sighting) },
        problems: [400, 406, 503],
      },
    },
  },
  ...REGISTRY_ROUTES,
  {
    name: 'review',
    path: '/api/review',
    level: 'function',
    methods: {
      get: {
        summary: 'The review page, for people; behind App Service Authentication it wants no key, and an app role',
        description: 'With `format` it answers as /api/runs/{id}/decisions does.',
        query: [
          REVIEW_QUERY,
          REPOSITORIES_QUERY,
          PAGE_QUERY,
          RUNS_QUERY.omit({ limit: true }),
          UNPULLED_QUERY.omit({ limit: true, registry: true }),
          RISK_QUERY.omit({ registry: true }),
          DECISIONS_QUERY,
          formats('json', 'ndjson', 'csv'),
        ],
        answers: {
          200: listed('The page, or the decisions', answers.decisions, answers.decisionOfOne, {
            'text/csv': undefined,
            'text/html': undefined,
          }),
        },
        problems: [400, 403, 404, 429, 502, 503],
      },
      post: {
        summary:
          'Approves or rejects a plan, cancels a run, releases from quarantine, or checks a registry: a form of the page',
        description:
          'Only for people who have signed in and have the app role Retention.Approver, and with the value that the page has set as a cookie. Machines have routes of their own.',
        takesForm: FORM,
        answers: { 303: { description: 'It is done, or under way', forms: {}, headers: ['Location'] } },
        problems: [400, 403, 404, 409, 413, 415, 429, 502, 503],
      },
    },
  },
  {
    name: 'home',
    path: '/',
    // The host takes an empty route for the name of the function: a parameter that no text fits stands for the root.
    template: '{root:maxlength(0)?}',
    level: 'anonymous',
    methods: {
      get: {
        summary: 'Leads to the review page',
        description:
          'With sign-in it redirects there. Without it a page asks for the key. It holds no data. The parameters of the page ' +
          'are kept.',
        answers: home,
        problems: [],
      },
    },
  },
  {
    name: 'link',
    path: '/review',
    level: 'anonymous',
    methods: {
      get: {
        summary: 'The same, for links to a view of the review page: they hold no key',
        answers: home,
        problems: [],
      },
    },
  },
  {
    name: 'openapi',
    path: '/api/openapi.json',
    level: 'function',
    methods: {
      get: {
        summary: 'This document',
        answers: { 200: json('OpenAPI 3.1', z.looseObject({ openapi: z.string() })) },
        problems: [],
      },
    },
  },
];
