import { subscribe } from 'node:diagnostics_channel';
import type { Faults } from '../../../src/dev/emulator/index.ts';
import { startEmulator } from '../../../src/dev/emulator/index.ts';
import { compare } from './check.ts';
import { lazyRegistryOf, registryOf, type Shape } from './data.ts';
import { admin, type Answers, type Question, type RegistryOptions, type Used } from './protocol.ts';

/*
 * The registry of a measurement, in a process of its own: so that it takes the other processor, and its memory and
 * processor time are not the measured program's. What it holds is told by a few numbers and built here.
 */

const { shape, isLazy, faults, tokenLifeSeconds } = JSON.parse(process.argv[2] ?? '') as RegistryOptions;
const emulator = await startEmulator({
  repositories: isLazy ? {} : registryOf(shape),
  ...(isLazy && { lazy: lazyRegistryOf(shape) }),
  basic: admin,
  faults,
  ...(tokenLifeSeconds !== undefined && { tokenLifeSeconds }),
});

/** When deletions were asked for: milliseconds of this process. */
let deletions: { first: number; last: number } | undefined;
if (faults.deletesPerSecond !== undefined || faults.perMinute !== undefined) {
  emulator.onRequest(({ kind }) => {
    if (kind !== 'delete-tag' && kind !== 'delete-manifest') return;
    const now = performance.now();
    deletions = { first: deletions?.first ?? now, last: now };
  });
}

let connections = 0;
subscribe('net.server.socket', () => connections++);

let before = used();

function used(): Omit<Used, 'deletingSeconds'> {
  const { user, system } = process.cpuUsage();
  return {
    counts: emulator.counts(),
    statuses: emulator.statuses(),
    connections,
    registryCpuSeconds: (user + system) / 1e6,
  };
}

/** What happened since this was last asked. */
function useSinceThen(): Used {
  const now = used();
  const since: Used = {
    counts: difference(now.counts, before.counts),
    statuses: difference(now.statuses, before.statuses),
    connections: now.connections - before.connections,
    registryCpuSeconds: now.registryCpuSeconds - before.registryCpuSeconds,
    ...(deletions && { deletingSeconds: (deletions.last - deletions.first) / 1000 }),
  };
  [before, deletions] = [now, undefined];
  return since;
}

function difference<T extends Readonly<Record<string, number>>>(now: T, then: Readonly<Record<string, number>>): T {
  return Object.fromEntries(Object.entries(now).map(([key, count]) => [key, count - (then[key] ?? 0)])) as T;
}

function answer(question: Question): Answers[Question['ask']] {
  if (question.ask === 'used') return useSinceThen();
  if (question.ask === 'compare') return compare(emulator, shape satisfies Shape, question);
  emulator.faults(question.faults satisfies Faults);
  return 'done';
}

process.on('message', (question: Question) => process.send?.(answer(question)));
process.on('disconnect', () => process.exit());
process.send?.({
  url: emulator.url,
  loginServer: emulator.loginServer,
  certificate: emulator.certificate,
  environment: emulator.environment,
} satisfies Answers['start']);
