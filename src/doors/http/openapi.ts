import * as z from 'zod';
import { purgeCommand } from '../../policy/flags.ts';
import { withGuards } from '../../policy/guards.ts';
import { version } from '../../index.ts';
import { problem } from './answer-schemas.ts';
import { type Answer, HEADERS, type Operation, PROBLEMS, type Route } from './route.ts';
import { ROUTES } from './routes.ts';

/** A JSON value that is an object. */
type Json = Readonly<Record<string, unknown>>;

/** What the app serves as `openapi.json`: OpenAPI 3.1, from the table of routes and the schemas that it names. */
export function openapi(): Json {
  const components: Record<string, unknown> = {};
  /** A schema with its parts as components. */
  const schemaOf = (schema: z.ZodType): Json => {
    const { $schema: _, $defs = {}, ...rest } = z.toJSONSchema(schema, { io: 'input' }) as Json & { $defs?: object };
    Object.assign(components, inComponents($defs));
    return inComponents(rest);
  };
  const paths = Object.fromEntries(
    ROUTES.map((route) => [
      route.path,
      {
        ...(route.path.includes('{id}') && { parameters: [ID] }),
        ...Object.fromEntries(
          Object.entries(route.methods).map(([method, operation]) => [
            method,
            operationOf(method, route, operation, schemaOf),
          ]),
        ),
      },
    ]),
  );
  return {
    openapi: '3.1.1',
    info: {
      title: 'acr-retention',
      version,
      description:
        'A retention service for Azure Container Registry. Wrong input is answered with a problem (RFC 9457).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        header: { type: 'apiKey', in: 'header', name: 'x-functions-key' },
        query: { type: 'apiKey', in: 'query', name: 'code' },
      },
    },
  };
}

const ID = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', examples: ['20261124T010000Z-3f9a0c'] },
};

const PREFER = {
  name: 'Prefer',
  in: 'header',
  description: 'respond-async, wait=<seconds>, or both (RFC 7240)',
  schema: { type: 'string', examples: ['respond-async, wait=10'] },
};

const KEYS = { anonymous: '', function: 'Wants a function key.', admin: 'Wants the master key.' } as const;

function operationOf(
  method: string,
  { name, level, methods }: Route,
  operation: Operation,
  schemaOf: (schema: z.ZodType) => Json,
): Json {
  const { summary, query = [], takesFlags, takesForm, answers, problems } = operation;
  const description = [operation.description, KEYS[level]].filter(Boolean).join(' ');
  const parameters = [
    ...query.flatMap((schema) => parametersOf(schemaOf(schema))),
    ...(takesFlags ? [...flags().map(flagParameter), PREFER] : []),
  ];
  const statuses = level === 'anonymous' ? problems : [...problems, 401 as const, 500 as const];
  const isPage = Object.values(answers).some(({ forms }) => 'text/html' in forms);
  const asDocument = { 'application/problem+json': problem };
  const asPage = { 'text/html': undefined };
  const refused = takesForm ? asPage : { ...asDocument, ...(isPage && asPage) };
  return {
    operationId: Object.keys(methods).length > 1 ? `${method}-${name}` : name,
    summary,
    ...(description !== '' && { description }),
    security: level === 'anonymous' ? [] : [{ header: [] }, { query: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(takesFlags && method === 'post' && { requestBody: flagsBody() }),
    ...(takesForm && {
      requestBody: { content: { 'application/x-www-form-urlencoded': { schema: schemaOf(takesForm) } } },
    }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answer, schemaOf)])),
      ...Object.fromEntries(
        statuses.map((status) => [status, responseOf({ description: PROBLEMS[status], forms: refused }, schemaOf)]),
      ),
    },
  };
}

function responseOf({ description, forms, headers = [] }: Answer, schemaOf: (schema: z.ZodType) => Json): Json {
  return {
    description,
    ...(headers.length > 0 && {
      headers: Object.fromEntries(
        headers.map((name) => [name, { description: HEADERS[name], required: true, schema: { type: 'string' } }]),
      ),
    }),
    content: Object.fromEntries(
      Object.entries(forms).map(([type, schema]) => [type, { schema: schema ? schemaOf(schema) : { type: 'string' } }]),
    ),
  };
}

/** The parameters of a query, from its schema. */
function parametersOf({ properties = {}, required = [] }: Json): readonly Json[] {
  return Object.entries(properties as Readonly<Record<string, Json>>).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    description,
    ...((required as readonly string[]).includes(name) && { required: true }),
    schema,
  }));
}

interface Flag {
  readonly name: string;
  readonly field: string;
  readonly description: string;
  readonly schema: Json;
}

/** The flags of a dry run, as the command line describes them. No credentials: the app has its own identity. */
function flags(): readonly Flag[] {
  return withGuards(purgeCommand())
    .options.filter((option) => !['username', 'password'].includes(option.attributeName()))
    .map((option) => ({
      name: option.name(),
      field: option.attributeName(),
      description: option.description,
      schema: option.isBoolean()
        ? { type: 'boolean' }
        : ['filter', 'protect'].includes(option.name())
          ? { type: 'array', items: { type: 'string' } }
          : { type: option.flags.endsWith('<n>') ? 'number' : 'string' },
    }));
}

function flagParameter({ name, description, schema }: Flag): Json {
  return { name, in: 'query', description, ...(schema['type'] === 'boolean' && { allowEmptyValue: true }), schema };
}

/** Without a body the parameters count; without either, the configured commands. */
function flagsBody(): Json {
  const properties = flags().map(({ field, description, schema }) => {
    const { items, ...type } = schema;
    return [field, { description, ...(items === undefined ? type : { anyOf: [items, schema] }) }];
  });
  return {
    content: {
      'application/json': {
        schema: { type: 'object', properties: Object.fromEntries(properties) as Json },
        examples: { flags: { value: { filter: 'app:^dev-', ago: '30d', untagged: true } } },
      },
      'text/plain': {
        schema: { type: 'string' },
        examples: { commands: { value: "acr purge --filter 'app:^dev-' --ago 30d --untagged" } },
      },
      'application/yaml': {
        schema: {
          type: 'string',
          description: 'A policy file (docs/policy-file.md), of 256 KiB at most, without tagsFrom',
        },
        examples: { policy: { value: POLICY_EXAMPLE } },
      },
    },
  };
}

const POLICY_EXAMPLE = "version: 1\nrules:\n  - name: pull requests\n    tags: ['pr-*']\n    olderThan: 14d\n";

/** JSON schemas refer to `$defs`; in OpenAPI they are components. That an integer is a safe one need not be said. */
function inComponents<T extends object>(schema: T): T {
  const text = JSON.stringify(schema, (key, value: unknown) =>
    key === 'maximum' && value === Number.MAX_SAFE_INTEGER ? undefined : value,
  );
  return JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as T;
}
