import type { Instance, Message } from '../../support/durable/instance.ts';
import { EventType } from '../../support/durable/protocol.ts';

/**
 * Whether a message is about something that is written down. A step that was lost has sent what it decided, so that results
 * may come before it is taken again: the storage holds them back.
 */
export function isDue({ executionId, history }: Instance, message: Message): boolean {
  if ((message.executionId ?? executionId) !== executionId) return true;
  const { event } = message;
  const isCaused = (id: number, type: number): boolean =>
    history.some(({ EventType: one, EventId }) => one === type && EventId === id);
  switch (event.EventType) {
    case EventType.TaskCompleted:
    case EventType.TaskFailed:
      return isCaused(event.TaskScheduledId, EventType.TaskScheduled);
    case EventType.SubOrchestrationInstanceCompleted:
    case EventType.SubOrchestrationInstanceFailed:
      return isCaused(event.TaskScheduledId, EventType.SubOrchestrationInstanceCreated);
    case EventType.TimerFired:
      return isCaused(event.TimerId, EventType.TimerCreated);
    default:
      return true;
  }
}
