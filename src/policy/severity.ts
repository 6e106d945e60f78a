/** How severe a vulnerability is, from the worst. `unknown`: its report does not say, which is not the same as harmless. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'negligible', 'unknown'] as const;

export type Severity = (typeof SEVERITIES)[number];
