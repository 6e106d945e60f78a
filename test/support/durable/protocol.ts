/** What the Durable extension and the SDK say to each other, as JSON (out-of-process schema 4). */

export const EventType = {
  ExecutionStarted: 0,
  ExecutionCompleted: 1,
  TaskScheduled: 4,
  TaskCompleted: 5,
  TaskFailed: 6,
  SubOrchestrationInstanceCreated: 7,
  SubOrchestrationInstanceCompleted: 8,
  SubOrchestrationInstanceFailed: 9,
  TimerCreated: 10,
  TimerFired: 11,
  OrchestratorStarted: 12,
  OrchestratorCompleted: 13,
  EventRaised: 15,
} as const;

type Types = typeof EventType;

/** What is told of a failure. Without FailureDetails the SDK joins the other two to one message. */
interface Failure {
  readonly Reason: string;
  readonly Details: string;
  readonly FailureDetails: null;
}

export type Happening =
  | { readonly EventType: Types['ExecutionStarted']; readonly Name: string; readonly Input: string }
  | { readonly EventType: Types['ExecutionCompleted']; readonly OrchestrationStatus: Ending; readonly Result: string }
  | { readonly EventType: Types['TaskScheduled']; readonly Name: string; readonly Input: string }
  | { readonly EventType: Types['TaskCompleted']; readonly TaskScheduledId: number; readonly Result: string }
  | ({ readonly EventType: Types['TaskFailed']; readonly TaskScheduledId: number } & Failure)
  | {
      readonly EventType: Types['SubOrchestrationInstanceCreated'];
      readonly Name: string;
      readonly InstanceId: string;
      readonly Input: string;
    }
  | {
      readonly EventType: Types['SubOrchestrationInstanceCompleted'];
      readonly TaskScheduledId: number;
      readonly Result: string;
    }
  | ({ readonly EventType: Types['SubOrchestrationInstanceFailed']; readonly TaskScheduledId: number } & Failure)
  | { readonly EventType: Types['TimerCreated']; readonly FireAt: string }
  | { readonly EventType: Types['TimerFired']; readonly TimerId: number; readonly FireAt: string }
  | { readonly EventType: Types['OrchestratorStarted'] }
  | { readonly EventType: Types['OrchestratorCompleted'] }
  | { readonly EventType: Types['EventRaised']; readonly Name: string; readonly Input: string };

export type HistoryEvent = Happening & {
  readonly EventId: number;
  readonly IsPlayed: boolean;
  readonly Timestamp: string;
};

export type Ending = 'Completed' | 'Failed';

export const ActionType = {
  CallActivity: 0,
  CallActivityWithRetry: 1,
  CallSubOrchestrator: 2,
  CallSubOrchestratorWithRetry: 3,
  ContinueAsNew: 4,
  CreateTimer: 5,
  WaitForExternalEvent: 6,
  WhenAny: 11,
  WhenAll: 12,
} as const;

export interface RetryOptions {
  readonly firstRetryIntervalInMilliseconds: number;
  readonly maxNumberOfAttempts: number;
  readonly backoffCoefficient?: number;
  readonly maxRetryIntervalInMilliseconds?: number;
  readonly retryTimeoutInMilliseconds?: number;
}

export interface Action {
  readonly actionType: number;
  readonly functionName?: string;
  readonly instanceId?: string;
  readonly input?: unknown;
  readonly retryOptions?: RetryOptions;
  readonly fireAt?: string;
  readonly isCanceled?: boolean;
  readonly externalEventName?: string;
  readonly compoundActions?: readonly Action[];
}

/** What an orchestrator function answers. */
export interface OrchestratorState {
  readonly isDone: boolean;
  /** One list in a list, for reasons of the past. */
  readonly actions: readonly (readonly Action[])[];
  readonly output?: unknown;
  readonly error?: string;
  readonly customStatus?: unknown;
}

const DAY = 86_400_000;

/** What Azure Storage can wait for at once, and how far a longer timer goes at a time. */
export const LONGEST_TIMER = 6 * DAY;
export const LONG_TIMER_STRIDE = 3 * DAY;

/** JSON as .NET writes it: there is no undefined. */
export function serialize(value: unknown): string {
  return JSON.stringify(value ?? null);
}
