export { renderDecisions, type DecisionFilter } from './decisions.tsx';
export { CONTENT_SECURITY_POLICY, renderProblem, type ProblemView } from './document.tsx';
export { renderHistory } from './history.tsx';
export { linksWith, type Setting, type Viewer } from './navigation.tsx';
export { renderParent } from './parent.tsx';
export { renderRefused } from './refused.tsx';
export { renderRun, type RunView } from './run.tsx';
export { renderRuns, type RunFilter } from './runs.tsx';
export { renderUnpulledPage } from './unpulled.tsx';
