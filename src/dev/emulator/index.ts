export { startEmulator } from './start.ts';
export { parseRegistryState } from './state.ts';
export { sampleRegistry } from './sample.ts';
export type * from './types.ts';
