import { PolicyError } from './errors.ts';
import { readInteger } from './purge-policy.ts';

const ENGINES = ['inline', 'durable'] as const;

/** What drives the scheduled purge: a loop in one process, or Durable Functions. */
export type Engine = (typeof ENGINES)[number];

/** @param isStored whether the record of the runs is kept where its workers find it */
export function readEngine(text: string | undefined, isStored: boolean): Engine {
  if (text === undefined || text === '') return 'inline';
  const engine = ENGINES.find((one) => one === text.toLowerCase());
  if (engine === undefined) throw new PolicyError('RETENTION_ENGINE', text, `must be one of ${ENGINES.join(', ')}`);
  if (engine === 'durable' && !isStored)
    throw new PolicyError(
      'RETENTION_ENGINE',
      text,
      'needs RETENTION_STORAGE, which is not set: its workers share the record of the runs',
    );
  return engine;
}

const PARALLELISM = 4;
const MAX_PARALLELISM = 32;

export function readParallelism(text: string | undefined): number {
  const parallelism = readInteger('REGISTRY_PARALLELISM', text, PARALLELISM, MAX_PARALLELISM);
  if (parallelism === 0) throw new PolicyError('REGISTRY_PARALLELISM', '0', 'must be at least 1');
  return parallelism;
}
