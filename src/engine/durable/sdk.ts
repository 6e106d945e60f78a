import { app, getClient, input, OrchestrationRuntimeStatus } from 'durable-functions';

/*
 * What of the SDK is used, by name: the names of a CommonJS module get lost where it is bundled and imported when it is
 * needed. It is loaded for the durable engine only, for it takes as long to load as much of the rest.
 */
export { app, getClient, input, OrchestrationRuntimeStatus };
