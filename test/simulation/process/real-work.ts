import { createHook } from 'node:async_hooks';

/** What takes place outside of JavaScript: on a thread, a disk, a network, or when a timer of the machine fires. */
const OWN = new Set([
  'PROMISE',
  'TickObject',
  'Immediate',
  'Microtask',
  // Reads what is in memory, at once.
  'BLOBREADER',
]);
const REAL = /^(?:[A-Z][A-Z0-9]+|Timeout)$/;

/**
 * Notes what the process asks of the system from here on, with the place: for a check, since it makes everything slow.
 * Turns of the event loop are not among it: `forbidRealTime` sees them.
 */
export function watchRealWork(): () => readonly string[] {
  const seen: string[] = [];
  const hook = createHook({
    init(_id, type) {
      if (!REAL.test(type) || OWN.has(type)) return;
      const stack = new Error(type).stack ?? type;
      // The ledger's files are packed in this thread; the object for it is the same.
      if (type === 'ZLIB' && stack.includes('/replaced/zlib.ts')) return;
      const lines = stack.split('\n').filter((line) => !line.includes('node:') && !line.includes('real-work.ts'));
      seen.push(lines.join('\n'));
    },
  }).enable();
  return () => {
    hook.disable();
    return seen;
  };
}
