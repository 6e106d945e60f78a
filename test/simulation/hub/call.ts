/** A generation of an instance. */
export interface Execution {
  readonly instanceId: string;
  readonly executionId: string;
}

/** An activity that an orchestrator has called. */
export interface Call extends Execution {
  readonly id: number;
  readonly name: string;
  readonly input: string;
}

/** Names its draws. */
export const keyOf = ({ executionId, name, id }: Call): string => `hub ${executionId} ${name} ${id}`;

/** What an activity is about, for the story. */
export function aboutOf({ input }: Call): string {
  const [about] = JSON.parse(input) as readonly unknown[];
  if (typeof about !== 'object' || about === null) return '';
  if ('repository' in about) return ` of ${String(about.repository)}`;
  return 'page' in about ? ` ${String(about.page)}` : '';
}
