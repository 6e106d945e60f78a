export { startKubernetes } from './start.ts';
export { cronJob, pod, workload } from './workloads.ts';
export type * from './types.ts';
