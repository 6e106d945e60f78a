export { renderDecisions, type DecisionFilter } from './decisions.tsx';
export { CONTENT_SECURITY_POLICY } from './document.tsx';
export { renderHistory } from './history.tsx';
export { linksWith } from './links.ts';
export type { Setting } from './parts.tsx';
export { renderProblem, type ProblemView } from './problem.tsx';
export { renderRun, type RunView } from './run.tsx';
export { renderRuns, type RunFilter } from './runs.tsx';
export { isReason } from './words.ts';
