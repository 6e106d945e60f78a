import { Readable } from 'node:stream';
import { type HttpOperationResponse, type IHttpClient, RestError, type WebResource } from '@azure/storage-blob';
import type { BlobLocation } from '../../../src/ledger/store/blob.ts';
import { BlobAccount } from './blob-account.ts';
import { busy, type Closed, type Fault, journeyOf } from './blob-faults.ts';
import { type BlobAnswer, type BlobRequest, type Operation, Refusal, requestOf } from './blob-requests.ts';
import { errorText } from './blob-xml.ts';
import type { Process, World } from '../world/world.ts';

const NEWLINE = 10;

export interface BlobServiceOptions {
  /** Is told which process was killed in the middle of a write. */
  readonly onKilled?: (process: Process) => void;
}

/** Blob Storage as it stands in a world: one account, its clock the true one, and the ways to it. */
export class BlobService {
  readonly #world: World;
  readonly #options: BlobServiceOptions;
  readonly #account = new BlobAccount();
  readonly #asked = new Map<string, number>();
  #busyUntil = 0;
  #closed: (Closed & { readonly until: number }) | undefined;
  /** Blobs whose last append was torn: until then no other arrives. */
  readonly #torn = new Map<string, number>();

  constructor(world: World, options: BlobServiceOptions = {}) {
    this.#world = world;
    this.#options = options;
  }

  /** Where a process finds its ledger. */
  location(process: Process): BlobLocation {
    // No credential is signed with: that would take longer than all the rest.
    return {
      connectionString: 'BlobEndpoint=https://simulated.blob.core.windows.net;SharedAccessSignature=sv=1',
      httpClient: this.client(process),
    };
  }

  client(process: Process): IHttpClient {
    return { sendRequest: (sent) => this.#send(process, sent) };
  }

  /** The files that are there now, as a memory store has them. */
  get files(): ReadonlyMap<string, { readonly bytes: Buffer; readonly etag: string }> {
    return this.#account.files;
  }

  /** What is leased now. */
  get leased(): readonly string[] {
    return this.#account.leased(this.#world.now);
  }

  #send(process: Process, sent: WebResource): Promise<HttpOperationResponse> {
    const signal = sent.abortSignal;
    if (signal?.aborted) return Promise.reject(aborted());
    const { there, effect, back } = this.#prepared(process, sent);
    return new Promise((resolve, reject) => {
      // The client waits no longer. What it has sent is on its way all the same.
      const giveUp = (): void => reject(aborted());
      signal?.addEventListener('abort', giveUp);
      const end = (): void => signal?.removeEventListener('abort', giveUp);
      process.call(there, effect, back).then(
        (answer) => {
          end();
          resolve(answer);
        },
        (error: unknown) => {
          end();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  #prepared(process: Process, sent: WebResource): Prepared {
    const request = requestOf(sent);
    const { operation, path } = request;
    const key = this.#keyOf(process, operation);
    const { draws } = this.#world;
    process.doing = stepOf(request);
    const what = `${NAMES[operation]}${path === '' ? '' : ` ${path}`} by ${process.name}`;
    const { there, back, fault } = journeyOf(draws, key, {
      operation,
      tears: this.#tears(request),
      isSlow: process.isSlowWithLocks && path.startsWith('locks/'),
    });
    // The service may give a page that is shorter than it could be, or empty.
    const shorten = (entries: number): number => {
      const drawn = draws.number(`${key} page`);
      return drawn < 0.03 ? 0 : drawn < 0.1 ? Math.ceil(entries / 2) : entries;
    };
    const carryOut = (): BlobAnswer => {
      const answer =
        this.#refusal(operation) ?? attempt(() => this.#account.carryOut(request, this.#world.now, shorten));
      if (!isReading(operation)) this.#world.moment('store');
      return answer;
    };
    const effect = (): HttpOperationResponse | 'never' => {
      if (fault) this.#begin(fault, what, path, there + back);
      if (fault?.kind === 'torn' && fault.isKilled) {
        process.kill();
        this.#options.onKilled?.(process);
        return 'never';
      }
      if (fault?.kind === 'lost') {
        if (fault.isDone) carryOut();
        if (fault.isSilent) return 'never';
        throw lost();
      }
      if (fault?.kind === 'answers') {
        if (fault.isDone) carryOut();
        return responseOf(sent, refused(fault.refusal));
      }
      if (operation === 'append' && this.#lasts(this.#torn.get(path))) throw lost();
      return responseOf(sent, carryOut(), fault?.kind === 'cut');
    };
    return { there, back, effect };
  }

  /** What a fault does besides to this request, and how the story tells it. */
  #begin(fault: Fault, what: string, path: string, whole: number): void {
    const { now } = this.#world;
    const tell = (text: string): void => this.#world.tell(text);
    const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
    switch (fault.kind) {
      case 'answers':
        tell(`the store answers ${fault.refusal.status} to ${what}${fault.isDone ? ', after it was carried out' : ''}`);
        return;
      case 'busy':
        this.#busyUntil = Math.max(this.#busyUntil, now + fault.milliseconds);
        tell(`the store answers 503 to ${what}, and to everything for ${seconds(fault.milliseconds)}`);
        return;
      case 'closed': {
        const { closed, milliseconds } = fault;
        this.#closed = { ...closed, until: now + milliseconds };
        const all = closed.isWhole ? 'everything' : 'every write';
        tell(`the store answers 403 ${closed.code} to ${all} for ${seconds(milliseconds)}`);
        return;
      }
      case 'lost': {
        const how = fault.isSilent ? 'and the connection stays open' : 'with the connection';
        tell(fault.isDone ? `the answer to ${what} is lost, ${how}` : `${what} is lost on its way, ${how}`);
        return;
      }
      case 'cut':
        tell(`the answer to ${what} breaks off in its middle`);
        return;
      case 'slow':
        tell(`${what} takes ${seconds(whole)}`);
        return;
      case 'torn':
        if (fault.isKilled) {
          tell(`${what} breaks off in the middle of a line: the process is killed`);
          return;
        }
        this.#torn.set(path, now + fault.milliseconds);
        tell(`${what} breaks off in the middle of a line, and nothing is appended for ${seconds(fault.milliseconds)}`);
    }
  }

  /** What the account answers to everything just now. */
  #refusal(operation: Operation): BlobAnswer | undefined {
    if (this.#lasts(this.#busyUntil)) return refused(busy());
    const closed = this.#closed;
    if (!closed || !this.#lasts(closed.until) || (isReading(operation) && !closed.isWhole)) return undefined;
    return refused(new Refusal(403, closed.code, closed.message));
  }

  /** Whether something that goes wrong until then goes wrong now. */
  #lasts(until = 0): boolean {
    return this.#world.now < until && !this.#world.draws.isCalm;
  }

  /** Whether what a request appends to ends in the middle of a line: so a longer append is under way. */
  #tears({ operation, path }: BlobRequest): boolean {
    if (operation !== 'append') return false;
    const { length, last } = this.#account.endOf(path);
    return length > 0 && last !== NEWLINE;
  }

  #keyOf(process: Process, operation: Operation): string {
    const kind = `store ${process.name} ${operation}`;
    const nth = (this.#asked.get(kind) ?? 0) + 1;
    this.#asked.set(kind, nth);
    return `${kind} ${nth}`;
  }
}

interface Prepared {
  readonly there: number;
  readonly back: number;
  readonly effect: () => HttpOperationResponse | 'never';
}

const NAMES: Readonly<Record<Operation, string>> = {
  'create container': 'the creation of the container',
  list: 'a listing of',
  write: 'a write of',
  block: 'a block of',
  commit: 'the block list of',
  blocks: 'a read of the block list of',
  create: 'the creation of',
  append: 'an append to',
  read: 'a read of',
  properties: 'a look at',
  delete: 'the deletion of',
  acquire: 'a request for the lease on',
  renew: 'the renewal of the lease on',
  release: 'the release of the lease on',
  break: 'the breaking of the lease on',
};

/** What is done with which kind of file, for a table: `append journal`. */
function stepOf({ operation, path }: BlobRequest): string {
  const [folder = '', ...parts] = path.split('/');
  return `${operation} ${folder === 'runs' ? (parts[1] ?? folder) : folder}`.trim();
}

function isReading(operation: Operation): boolean {
  return ['list', 'blocks', 'read', 'properties'].includes(operation);
}

/** What the service answers, also where it refuses. */
function attempt(carryOut: () => BlobAnswer): BlobAnswer {
  try {
    return carryOut();
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    throw error;
  }
}

function refused({ status, code, message }: Refusal): BlobAnswer {
  const headers = { 'content-type': 'application/xml', 'x-ms-error-code': code };
  return { status, headers, body: Buffer.from(errorText(code, message)) };
}

/** An answer as the SDK's pipeline takes it from a client. @param isCut its body breaks off */
function responseOf(request: WebResource, { status, headers, body }: BlobAnswer, isCut = false): HttpOperationResponse {
  const sent = request.headers.clone();
  for (const name of sent.headerNames()) sent.remove(name);
  for (const [name, value] of Object.entries(headers)) sent.set(name, value);
  const answer = { request, status, headers: sent };
  if (request.method === 'HEAD') return answer;
  if (!request.streamResponseStatusCodes?.has(status)) return { ...answer, bodyAsText: body?.toString() ?? null };
  const bytes = body ?? Buffer.alloc(0);
  return { ...answer, readableStreamBody: isCut ? cutOff(bytes) : Readable.from([bytes], { objectMode: false }) };
}

/** A body of which half arrives, with the events of a connection of Node that is lost. */
function cutOff(bytes: Buffer): NodeJS.ReadableStream {
  const half = bytes.subarray(0, Math.floor(bytes.length / 2));
  let isRead = false;
  return new Readable({
    read() {
      if (!isRead && half.length > 0) this.push(half);
      else this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
      isRead = true;
    },
    destroy(error, done) {
      this.emit('aborted');
      done(this.listenerCount('error') > 0 ? error : null);
    },
  });
}

/** As the SDK's own client reports it. */
function lost(): Error {
  return new RestError('read ECONNRESET', { code: 'ECONNRESET' });
}

function aborted(): Error {
  return Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' });
}
