import type { Outcome } from './activities.ts';
import type { Decision } from './host.ts';
import { EventType, type Happening, type HistoryEvent } from './protocol.ts';

const failure = (Reason: string, Details: string) => ({ Reason, Details, FailureDetails: null });

export function happeningsOf(decision: Decision): readonly Happening[] {
  switch (decision.kind) {
    case 'activity':
      return [{ EventType: EventType.TaskScheduled, Name: decision.name, Input: decision.input }];
    case 'timer':
      return [{ EventType: EventType.TimerCreated, FireAt: decision.fireAt }];
    case 'child': {
      const { name, instanceId, input } = decision;
      const { SubOrchestrationInstanceCreated } = EventType;
      return [{ EventType: SubOrchestrationInstanceCreated, Name: name, InstanceId: instanceId, Input: input }];
    }
    case 'end':
      return [
        { EventType: EventType.ExecutionCompleted, OrchestrationStatus: decision.status, Result: decision.result },
      ];
    case 'continue':
      return [];
  }
}

/** What a parent is told of the end of its child. */
export function endingOf(
  { status, result, details }: Extract<Decision, { readonly kind: 'end' }>,
  TaskScheduledId: number,
): Happening {
  const { SubOrchestrationInstanceCompleted, SubOrchestrationInstanceFailed } = EventType;
  return status === 'Completed'
    ? { EventType: SubOrchestrationInstanceCompleted, TaskScheduledId, Result: result }
    : { EventType: SubOrchestrationInstanceFailed, TaskScheduledId, ...failure(result, details) };
}

/** @param time milliseconds since 1970 */
export function eventAt(time: number, happening: Happening, id = -1): HistoryEvent {
  return { ...happening, EventId: id, IsPlayed: false, Timestamp: new Date(time).toISOString() };
}

export function happeningOf(outcome: Outcome, id: number): Happening {
  if ('result' in outcome) return { EventType: EventType.TaskCompleted, TaskScheduledId: id, Result: outcome.result };
  return { EventType: EventType.TaskFailed, TaskScheduledId: id, ...failure(outcome.reason, outcome.details) };
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(EventType).map(([name, type]) => [type, name]));

export function wordsFor(event: HistoryEvent): string {
  const id = 'TaskScheduledId' in event ? event.TaskScheduledId : 'TimerId' in event ? event.TimerId : '';
  return `${NAMES.get(event.EventType) ?? ''} ${id}`.trim();
}
