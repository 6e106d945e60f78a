import { EventType, type HistoryEvent, type OrchestratorState } from './protocol.ts';

export type RuntimeStatus = 'Pending' | 'Running' | 'Completed' | 'Failed';

export interface Status {
  readonly name: string;
  readonly instanceId: string;
  readonly runtimeStatus: RuntimeStatus;
  readonly input: unknown;
  readonly output: unknown;
  readonly customStatus: unknown;
  readonly createdTime: Date;
  readonly lastUpdatedTime: Date;
  /** Of the present generation. */
  readonly historyLength: number;
  readonly historyBytes: number;
  /** How often it went on as new. */
  readonly generations: number;
  /** The most that any generation came to; an answer is what the SDK sends the host at each step. */
  readonly largest: { readonly historyLength: number; readonly historyBytes: number; readonly answerBytes: number };
}

export interface Message {
  /** Of the generation it is for; an event from outside is for any. */
  readonly executionId?: string | undefined;
  readonly event: HistoryEvent;
}

export interface Parent {
  readonly instanceId: string;
  readonly executionId: string;
  readonly taskId: number;
}

export interface Beginning {
  readonly name: string;
  readonly instanceId: string;
  readonly executionId: string;
  readonly input: string;
  readonly parent?: Parent | undefined;
  readonly started: HistoryEvent;
}

/** One orchestration: its history, and what has come for it since. */
export class Instance {
  readonly name: string;
  readonly instanceId: string;
  readonly parent: Parent | undefined;
  readonly inbox: Message[];
  readonly history: HistoryEvent[] = [];
  readonly #beginning: Beginning;
  executionId: string;
  input: string;
  runtimeStatus: RuntimeStatus = 'Pending';
  output = 'null';
  /** The SDK's last answer, of this generation. */
  state: OrchestratorState | undefined;
  customStatus: unknown = null;
  isStuck = false;
  #bytes = 0;
  #generations = 0;
  #largest: Status['largest'] = { historyLength: 0, historyBytes: 0, answerBytes: 0 };

  constructor(beginning: Beginning, inbox?: Message[]) {
    const { name, instanceId, executionId, input, parent, started } = beginning;
    this.name = name;
    this.instanceId = instanceId;
    this.executionId = executionId;
    this.input = input;
    this.parent = parent;
    this.inbox = inbox ?? [{ executionId, event: started }];
    this.#beginning = beginning;
  }

  /** The same again, for a step that may be lost. What comes meanwhile comes for both. */
  copy(): Instance {
    const copy = new Instance(this.#beginning, this.inbox);
    const { executionId, input, runtimeStatus, output, state, customStatus, isStuck } = this;
    Object.assign(copy, { executionId, input, runtimeStatus, output, state, customStatus, isStuck });
    copy.history.push(...this.history);
    copy.#bytes = this.#bytes;
    copy.#generations = this.#generations;
    copy.#largest = this.#largest;
    return copy;
  }

  get isOver(): boolean {
    return this.runtimeStatus === 'Completed' || this.runtimeStatus === 'Failed';
  }

  /** Takes what is for the present generation out of the first of the inbox. */
  take(count: number): readonly HistoryEvent[] {
    const taken = this.inbox.splice(0, count);
    return taken
      .filter(({ executionId = this.executionId }) => executionId === this.executionId)
      .map(({ event }) => event);
  }

  keep(events: readonly HistoryEvent[], answerBytes: number): void {
    const played = events.map((event) => ({ ...event, IsPlayed: true }));
    this.history.push(...played);
    this.#bytes += Buffer.byteLength(JSON.stringify(played));
    this.#largest = {
      historyLength: Math.max(this.#largest.historyLength, this.history.length),
      historyBytes: Math.max(this.#largest.historyBytes, this.#bytes),
      answerBytes: Math.max(this.#largest.answerBytes, answerBytes),
    };
  }

  goOnAsNew(executionId: string, input: string): void {
    this.executionId = executionId;
    this.input = input;
    this.state = undefined;
    this.history.splice(0);
    this.#bytes = 0;
    this.#generations += 1;
  }

  status(): Status {
    const { name, instanceId, runtimeStatus, customStatus, history } = this;
    const created = this.#beginning.started.Timestamp;
    return {
      name,
      instanceId,
      runtimeStatus,
      input: JSON.parse(this.input) as unknown,
      // What a failed one puts out is a sentence, not JSON.
      output: runtimeStatus === 'Failed' ? this.output : (JSON.parse(this.output) as unknown),
      customStatus,
      createdTime: new Date(created),
      lastUpdatedTime: new Date(
        history.findLast(({ EventType: type }) => type === EventType.OrchestratorStarted)?.Timestamp ?? created,
      ),
      historyLength: history.length,
      historyBytes: this.#bytes,
      generations: this.#generations,
      largest: this.#largest,
    };
  }
}
