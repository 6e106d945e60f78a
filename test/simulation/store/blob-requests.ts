/** What a client of Blob Storage asks for, in the words that a story is told with. */
export type Operation =
  | 'create container'
  | 'list'
  | 'write'
  | 'block'
  | 'commit'
  | 'blocks'
  | 'create'
  | 'append'
  | 'read'
  | 'properties'
  | 'delete'
  | 'acquire'
  | 'renew'
  | 'release'
  | 'break';

export interface BlobRequest {
  readonly operation: Operation;
  /** Of the blob; of a list, the prefix. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

export interface BlobAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** What the service answers when something cannot be done. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message = code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A request as the SDK's pipeline hands it to a client. */
interface Sent {
  readonly method: string;
  readonly url: string;
  readonly body?: unknown;
  readonly headers: { readonly get: (name: string) => string | undefined };
}

export function requestOf({ method, url, body, headers }: Sent): BlobRequest {
  const { pathname, searchParams } = new URL(url);
  const [container, ...parts] = pathname.slice(1).split('/');
  const path = parts.map(decodeURIComponent).join('/');
  const header = (name: string): string | undefined => headers.get(name);
  const operation = operationOf(method, path === '', searchParams, header);
  if (operation === undefined || !container)
    throw new Error(`the simulated Blob Storage does not know ${method} ${url}`);
  return {
    operation,
    path: operation === 'list' ? (searchParams.get('prefix') ?? '') : path,
    query: searchParams,
    header,
    body: bytesOf(body),
  };
}

function operationOf(
  method: string,
  isContainer: boolean,
  query: URLSearchParams,
  header: BlobRequest['header'],
): Operation | undefined {
  const comp = query.get('comp') ?? '';
  if (isContainer) {
    if (query.get('restype') !== 'container') return undefined;
    if (method === 'PUT' && comp === '') return 'create container';
    return method === 'GET' && comp === 'list' ? 'list' : undefined;
  }
  switch (`${method} ${comp}`) {
    case 'PUT ': {
      const type = header('x-ms-blob-type');
      return type === 'BlockBlob' ? 'write' : type === 'AppendBlob' ? 'create' : undefined;
    }
    case 'PUT block':
      return 'block';
    case 'PUT blocklist':
      return 'commit';
    case 'GET blocklist':
      return query.get('blocklisttype') === 'committed' ? 'blocks' : undefined;
    case 'PUT appendblock':
      return 'append';
    case 'PUT lease': {
      const action = header('x-ms-lease-action');
      return LEASE_ACTIONS.find((known) => known === action);
    }
    case 'GET ':
      return 'read';
    case 'HEAD ':
      return 'properties';
    case 'DELETE ':
      return 'delete';
    default:
      return undefined;
  }
}

const LEASE_ACTIONS = ['acquire', 'renew', 'release', 'break'] as const;

function bytesOf(body: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  // A copy: the bytes on the wire are not those that the client may change.
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body);
  throw new Error('the simulated Blob Storage takes texts and bytes');
}
