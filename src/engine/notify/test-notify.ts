import { randomUUID } from 'node:crypto';
import type { Delivery } from '../../notify/send.ts';
import type { Notify, NotifyKind, Receiver } from '../../policy/notify.ts';
import { type Clock, systemClock } from '../../registry/clock.ts';
import { sampleNotification } from '../../report/notification-samples.ts';

/** What a receiver answered to a made-up event. */
export interface Tested extends Pick<Receiver, 'kind' | 'place'> {
  readonly event: NotifyKind;
  readonly delivery: Delivery;
}

/** How long one message is tried. */
const TEST_MS = 20_000;

/**
 * Sends a made-up event of each chosen kind to each address. Nothing is recorded: each time all are sent.
 * @param onAnswer told of each, in the order of the addresses
 */
export async function testNotify(
  { receivers, kinds, reviewUrl }: Notify,
  onAnswer: (tested: Tested) => Promise<void>,
  clock: Clock = systemClock,
): Promise<void> {
  const { send } = await import('../../notify/send.ts');
  const id = randomUUID();
  for (const receiver of receivers)
    for (const event of kinds) {
      const sample = sampleNotification(event, id, new Date(clock.now()), reviewUrl);
      const delivery = await send(receiver, sample, { clock, milliseconds: TEST_MS });
      await onAnswer({ kind: receiver.kind, place: receiver.place, event, delivery });
    }
}
