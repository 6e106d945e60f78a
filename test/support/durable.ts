/**
 * A task hub for tests of orchestrators: the real SDK, and in place of the extension and its storage something that
 * does as they do, and in which whatever may happen is chosen by the test.
 */
export { FAULTS, type Activity, type Execution } from './durable/activities.ts';
export { calm, seeded, type Choices } from './durable/choices.ts';
export { AlreadyRunning } from './durable/client.ts';
export { createDurable, type Durable, type DurableOptions } from './durable/executor.ts';
export { EventType } from './durable/protocol.ts';
export { NondeterminismError, RepeatedTaskError } from './durable/sdk.ts';
export { StuckError } from './durable/step.ts';
