import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Emulator, Faults, RequestKind } from '../../../src/dev/emulator/index.ts';
import type { Shape } from './data.ts';

export const admin = { username: 'bench', password: 'of-no-use-elsewhere' };

/** What the process of a registry is started with. */
export interface RegistryOptions {
  readonly shape: Shape;
  /** Whether repositories are built when they are asked for: for dry runs of more than fits. */
  readonly isLazy?: boolean;
  readonly faults: Faults;
  readonly tokenLifeSeconds?: number;
}

/** What was asked of a registry, and what it took to answer, since this was last asked. */
export interface Used {
  readonly counts: Readonly<Record<RequestKind, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections that were opened. */
  readonly connections: number;
  /** Where this comes near the time that went by, it is the registry that is measured. */
  readonly registryCpuSeconds: number;
  /** Between the first and the last deletion that was asked for; where deletions are limited. */
  readonly deletingSeconds?: number;
}

/** What is left, against what was to be left. */
export interface Difference {
  /** Artifacts that should be gone. */
  readonly tooMany: readonly string[];
  /** Artifacts that should be there. */
  readonly missing: readonly string[];
  /** How many are gone, rightly or not. */
  readonly gone: number;
}

export type Question =
  | { readonly ask: 'used' }
  /** `untouched`: repositories of which nothing may be gone. */
  | { readonly ask: 'compare'; readonly untouched: readonly string[]; readonly isPurged: boolean }
  | { readonly ask: 'faults'; readonly faults: Faults };

type Start = Answers['start'];

export interface Answers {
  readonly start: Pick<Emulator, 'url' | 'loginServer' | 'certificate' | 'environment'>;
  readonly used: Used;
  readonly compare: Difference;
  readonly faults: 'done';
}

export interface RunningRegistry extends Start {
  readonly ask: <Q extends Question>(question: Q) => Promise<Answers[Q['ask']]>;
  readonly close: () => Promise<void>;
}

/** Starts a registry in a process of its own. */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const child = fork(fileURLToPath(new URL('registry.ts', import.meta.url)), [JSON.stringify(options)]);
  const started = (await message(child)) as Answers['start'];
  return {
    ...started,
    ask: async (question) => {
      child.send(question);
      return (await message(child)) as Answers[(typeof question)['ask']];
    },
    close: async () => {
      if (child.exitCode !== null) return;
      const exit = once(child, 'exit');
      child.disconnect();
      await exit;
    },
  };
}

/** @throws where the process ends instead */
function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => {
      reject(new Error(`the process of the registry ended with ${String(code)}`));
    };
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer);
    });
  });
}
