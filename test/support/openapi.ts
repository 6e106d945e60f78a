import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openapi } from '../../src/doors/http/openapi.ts';

/*
 * Holds real answers against openapi.json. Its schemas allow fields that they do not name, so that clients stand newer
 * versions; here they are closed, so that a field that is answered and not described fails a test.
 */

type Responses = Readonly<
  Record<
    string,
    {
      readonly headers?: Readonly<Record<string, unknown>>;
      readonly content: Readonly<Record<string, { readonly schema: object }>>;
    }
  >
>;

/** openapi.json, as far as it is looked at here. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;
}

export const document = openapi() as unknown as Document;

const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
ajv.addSchema(closed(document) as object, 'openapi.json');

const templates = Object.keys(document.paths).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('{id}', '[^/]+')}$`),
}));

/** What was answered so far: `get /api/runs 200 application/json`. */
export const answered = new Set<string>();

/** The same response. Where its route is described, it fails when it is read and is not as described. */
export function held(method: string, url: string, response: Response): Response {
  const path = templates.find(({ pattern }) => pattern.test(new URL(url, 'http://localhost').pathname))?.path ?? '';
  const operation = document.paths[path]?.[method.toLowerCase()];
  if (!operation) return response;
  const name = `${method.toLowerCase()} ${path} ${response.status}`;
  const described = operation.responses[response.status];
  const type = response.headers.get('content-type')?.split(';')[0] ?? '';
  if (!described) throw new Error(`openapi.json does not describe ${name}`);
  // The host itself answers without a body.
  if (type === '' && (isEmpty(described) || [401, 500].includes(response.status))) {
    answered.add(`${name} `);
    return response;
  }
  if (!described.content[type]) throw new Error(`openapi.json does not describe ${name} ${type}`);
  answered.add(`${name} ${type}`);
  for (const header of Object.keys(described.headers ?? {}))
    if (!response.headers.has(header)) throw new Error(`${name} has no header ${header}`);
  const pointer = ['paths', path, method.toLowerCase(), 'responses', String(response.status), 'content', type, 'schema']
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const check = (value: unknown): void => {
    const isValid = ajv.getSchema(`openapi.json#/${pointer}`);
    if (!isValid) throw new Error(`openapi.json has no schema at ${pointer}`);
    if (isValid(value)) return;
    const errors = isValid.errors?.map(({ instancePath, message, params }) =>
      [instancePath, message, JSON.stringify(params)].join(' '),
    );
    throw new Error(
      `${name} ${type} is not as openapi.json describes it: ${[...new Set(errors)].slice(0, 5).join('; ')}`,
    );
  };
  const text = response.text.bind(response);
  const read = async (): Promise<string> => {
    const body = await text();
    if (type.endsWith('json') && type !== 'application/x-ndjson') check(JSON.parse(body));
    if (type === 'application/x-ndjson')
      for (const line of body.split('\n').filter((one) => one !== '')) check(JSON.parse(line));
    return body;
  };
  return Object.assign(response, { text: read, json: async () => JSON.parse(await read()) as unknown });
}

function isEmpty({ content }: Responses[string]): boolean {
  return Object.keys(content).length === 0;
}

/** The same schemas, which allow no fields but those that they name. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const all = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, closed(one)]));
  return all['type'] === 'object' && 'properties' in all && !('additionalProperties' in all)
    ? { ...all, additionalProperties: false }
    : all;
}
