import * as answers from './answer-schemas.ts';
import { check } from './check-schemas.ts';
import { quarantine, released } from './quarantine-schemas.ts';
import { REGISTRY_QUERY, QUARANTINE_QUERY, RELEASE_QUERY, RISK_QUERY, UNPULLED_QUERY } from './query.ts';
import { risk } from './risk-schemas.ts';
import { json, type Route } from './route.ts';

/** The routes that are about what a registry has, whichever run it was. */
export const REGISTRY_ROUTES: readonly Route[] = [
  {
    name: 'inUse',
    path: '/api/in-use',
    level: 'function',
    methods: {
      get: {
        summary: 'What is in use at a registry, as every source says, and what a source could not read',
        description:
          'It asks the sources now, and records nothing. A source that takes longer than 3 minutes is incomplete. ' +
          'Two requests are answered at a time.',
        query: [REGISTRY_QUERY],
        answers: { 200: json('What the sources say, and what earlier runs saw', answers.inUse) },
        problems: [400, 429, 503],
      },
    },
  },
  {
    name: 'unpulled',
    path: '/api/unpulled',
    level: 'function',
    methods: {
      get: {
        summary: 'What was not pulled for some time, with its size, and since when pulls are known',
        description:
          'It reads the registry and its log now, and deletes nothing. After 2 minutes no further repository is begun: ' +
          'then the answer has `next`, and with it as `after` the next one continues.',
        query: [UNPULLED_QUERY],
        answers: { 200: json('The images and their repositories, the largest first', answers.unpulled) },
        problems: [400, 429, 502, 503],
      },
    },
  },
  {
    name: 'risk',
    path: '/api/risk',
    level: 'function',
    methods: {
      get: {
        summary: 'The findings over time with the runs, where they are, and a rule for critical images that are unused',
        description: 'It is read from the record; neither the registry nor a scanner is asked.',
        query: [RISK_QUERY],
        answers: { 200: json('The line, and the worst', risk) },
        problems: [400, 503],
      },
    },
  },
  {
    name: 'check',
    path: '/api/check',
    level: 'function',
    methods: {
      get: {
        summary: 'What the last check of a registry has found: what is broken or left over, the worst first',
        description: 'It is read from the record; the registry is not asked.',
        query: [REGISTRY_QUERY],
        answers: { 200: json('What was found, and when', check) },
        problems: [400, 404, 503],
      },
      post: {
        summary: 'Checks a registry now, and keeps what it finds',
        description:
          'It reads the registry, and changes nothing in it. After 2 minutes no further call is begun: what was not looked at ' +
          'until then is a finding of the kind `not-known`. Two registries are checked at a time.',
        query: [REGISTRY_QUERY],
        answers: { 200: json('What was found', check) },
        problems: [400, 429, 502, 503],
      },
    },
  },
  {
    name: 'quarantine',
    path: '/api/quarantine',
    level: 'function',
    methods: {
      get: {
        summary: 'What is in quarantine: since when, until when, how much it is, why, and what it belongs to',
        description: 'It is read from the record; the registry is not asked.',
        query: [QUARANTINE_QUERY],
        answers: { 200: json('What waits, by when it may be deleted', quarantine) },
        problems: [400, 503],
      },
    },
  },
  {
    name: 'release',
    path: '/api/quarantine/release',
    level: 'admin',
    methods: {
      post: {
        summary: 'Makes readable what is in quarantine: an image, what a run has put there, or everything',
        description:
          'Of an image, all that belongs to it is released. It is recorded as a run of its own, which goes on where the client leaves.',
        query: [RELEASE_QUERY],
        answers: { 200: json('It is released, or what was not says why', released) },
        problems: [400, 404, 409, 502, 503],
      },
    },
  },
];
