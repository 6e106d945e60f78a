import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web';
import type { HttpRequest } from '@azure/functions';
import { type PurgeCommand, parsePurgeCommands, parsePurgeFields } from '../../policy/purge-command.ts';
import { guardsInFields, guardsOfAll, withoutGuards, type Guards } from '../../policy/guards.ts';
import { attempts, InvalidPolicy } from '../../policy/errors.ts';
import { LONGEST_FILE } from '../../policy/file/yaml.ts';
import type { PolicyFile } from '../../policy/purge-policy.ts';
import { parseRequestedFile } from '../../policy/requested-file.ts';
import { RequestError } from './problem.ts';

/** Every command line is shorter. A larger body is refused before it is read to its end; that of a policy file later. */
const MAX_BODY_BYTES = 64 * 1024;

/** Matching a name blocks the whole app, so a request may not ask for much of it. */
const LIMITS = { filterTimeoutSeconds: 5, commands: 20, filters: 100 };

/** Query parameters that are the host's own: the function key, and the name of the key. */
const HOST_PARAMETERS: ReadonlySet<string> = new Set(['code', 'clientId']);

/** Of policy files: that of RFC 9512, and those that stood for it before. */
const YAML_TYPES: ReadonlySet<string> = new Set(['application/yaml', 'text/yaml', 'application/x-yaml']);

/** What a request asks for. */
export interface Requested {
  /** Absent: the configured ones. */
  readonly commands?: readonly PurgeCommand[];
  /** The guards that the request names. They override those of the settings. */
  readonly guards: Guards;
}

/**
 * The commands and guards that a request asks for: as JSON fields, as text (`acr purge …`), as query parameters, or as a
 * policy file with the rest of the flags as query parameters.
 * @throws {RequestError | InvalidPolicy}
 */
export async function readRequested(request: HttpRequest): Promise<Requested> {
  const parameters = [...new Set(request.query.keys())].filter((name) => !HOST_PARAMETERS.has(name));
  const mediaType = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  // The host does not forward the body of a GET, whatever its headers say.
  const isFile = YAML_TYPES.has(mediaType) && request.method !== 'GET';
  const body = await readBody(request, isFile ? LONGEST_FILE : MAX_BODY_BYTES);
  const values = (name: string): readonly string[] => request.query.getAll(name);
  const inQuery = Object.fromEntries(
    parameters.map((name) => [name, values(name).length === 1 ? values(name)[0] : values(name)]),
  );
  // One that is empty is a mistake. The configured commands would be another answer than the one that is expected.
  if (isFile) return besideFile(body, inQuery);
  if (body.trim() === '') return parameters.length === 0 ? { guards: {} } : inFields(inQuery);
  if (parameters.length > 0)
    throw new RequestError(
      400,
      `there are flags in the body and in the query (${parameters.join(', ')}); use one of them`,
    );
  if (mediaType === 'application/json') return inFields(readObject(body));
  if (mediaType === 'text/plain') {
    const commands = parsePurgeCommands(body, { ...LIMITS, guards: true });
    if (commands.length === 0) throw new RequestError(400, 'the body has no command; send acr purge --filter …');
    return { commands, guards: guardsOfAll(commands.map(({ guards = {} }) => guards)) };
  }
  throw new RequestError(
    415,
    'send the flags as application/json ({"filter": "app:^dev-", "ago": "30d"}), as text/plain (acr purge --filter …), or a policy file as application/yaml',
  );
}

/** A request with guards alone is about the configured commands. */
function inFields(fields: Readonly<Record<string, unknown>>): Requested {
  const rest = withoutGuards(fields);
  const isAlone = Object.keys(rest).length === 0 && Object.keys(fields).length > 0;
  const { problems, attempt } = attempts();
  const command = isAlone ? undefined : attempt(() => parsePurgeFields(rest, LIMITS));
  const guards = attempt(() => guardsInFields(fields)) ?? {};
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return command ? { guards, commands: [command] } : { guards };
}

/** A policy file, with the flags and guards that stand beside it. */
function besideFile(text: string, fields: Readonly<Record<string, unknown>>): Requested {
  const { problems, attempt } = attempts();
  const file = attempt(() => parseRequestedFile(text));
  // Where it has mistakes, those of the flags are found all the same: they do not depend on what it says.
  const command = attempt(() => parsePurgeFields(withoutGuards(fields), { ...LIMITS, file: file ?? NO_FILE }));
  const guards = attempt(() => guardsInFields(fields)) ?? {};
  if (problems.length > 0 || !command) throw new InvalidPolicy(problems);
  return { guards, commands: [command] };
}

const NO_FILE: PolicyFile = {
  name: '',
  retention: { text: '', protect: [], rules: [], untagged: undefined, warnings: [] },
};

function readObject(body: string): Readonly<Record<string, unknown>> {
  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch (cause) {
    throw new RequestError(400, `the body is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new RequestError(400, 'the body is no JSON object; write e.g. {"filter": "app:^dev-", "ago": "30d"}');
  return fields as Readonly<Record<string, unknown>>;
}

/**
 * Reads the rest of a body while the answer is sent: a host that forwards a request waits until all of it is read. It
 * ends with the body, whose size the host limits, or with the connection.
 */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The client disconnected.
  }
}

/** The body of a request as text. @throws {RequestError} for one that is longer, breaks off, or is no UTF-8 */
export async function readBody(request: HttpRequest, most: number): Promise<string> {
  const tooLarge = new RequestError(413, `a request may have ${most / 1024} KiB at most`);
  const length = Number(request.headers.get('content-length') ?? 0);
  if (length > most) throw tooLarge;
  if (!request.body) {
    // The host does not forward the body of a GET: the answer would not be about it.
    if (request.method === 'GET' && (length > 0 || request.headers.has('transfer-encoding')))
      throw new RequestError(400, 'a GET has no body; use POST, or query parameters');
    return '';
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Not `for await`: leaving that early destroys the connection, and with it the answer.
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  const next = () =>
    reader.read().catch((cause: unknown) => {
      throw new RequestError(400, 'the body broke off', { cause });
    });
  for (let read = await next(); !read.done; read = await next()) {
    bytes += read.value.length;
    if (bytes > most) {
      void discard(reader);
      throw tooLarge;
    }
    chunks.push(read.value);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new RequestError(400, 'the body is no UTF-8 text', { cause });
  }
}
