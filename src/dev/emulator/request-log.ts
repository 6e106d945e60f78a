import { requestKinds, type Call, type RecordedRequest, type RequestKind } from './types.ts';

/** Calls that are kept, so that memory does not grow in a long run. */
const kept = 10_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };
export type Entry = Writable<RecordedRequest>;

/** The calls to an emulator, and their number by kind and status. */
export class RequestLog {
  readonly #counts = Object.fromEntries(requestKinds.map((kind) => [kind, 0])) as Record<RequestKind, number>;
  readonly #statuses = new Map<number, number>();
  #entries: Entry[] = [];

  /** Notes a call when it comes. It is counted when it is answered: a challenge counts as another kind. */
  begin(call: Call): Entry {
    const entry: Entry = { ...call, status: 0 };
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * kept) this.#entries = this.#entries.slice(-kept);
    return entry;
  }

  count(entry: Entry): void {
    this.#counts[entry.kind]++;
  }

  /** Notes the status that a call was answered with. */
  end(entry: Entry, status: number): void {
    entry.status = status;
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  statuses(): Readonly<Record<number, number>> {
    return Object.fromEntries(this.#statuses);
  }

  counts(): Readonly<Record<RequestKind, number>> {
    return { ...this.#counts };
  }

  requests(): readonly RecordedRequest[] {
    return this.#entries.slice(-kept).map((entry) => ({ ...entry }));
  }
}
