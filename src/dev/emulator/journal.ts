import { requestKinds, type Call, type RecordedRequest, type RequestKind } from './types.ts';

/** Only so many calls are kept, so that a long run does not grow without end. */
const kept = 10_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };
export type Entry = Writable<RecordedRequest>;

/** What was asked of the emulator. */
export class Journal {
  readonly #counts = Object.fromEntries(requestKinds.map((kind) => [kind, 0])) as Record<RequestKind, number>;
  readonly #statuses = new Map<number, number>();
  #entries: Entry[] = [];

  /** Notes a call as it comes; it is counted when it is known what became of it. */
  begin(call: Call): Entry {
    const entry: Entry = { ...call, status: 0 };
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * kept) this.#entries = this.#entries.slice(-kept);
    return entry;
  }

  count(entry: Entry): void {
    this.#counts[entry.kind]++;
  }

  /** Notes how a call was answered. */
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
