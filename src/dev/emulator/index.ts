export { startEmulator } from './emulator.ts';
export { parseRegistryState } from './parse.ts';
export { sampleRegistry } from './sample.ts';
export type * from './types.ts';
