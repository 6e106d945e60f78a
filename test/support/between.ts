import type { Emulator, RequestKind } from '../../src/dev/emulator/index.ts';

/**
 * Does something right before the `nth` call of a kind is answered. The plan rests on the first listing of tags and of
 * manifests; a second one is the look that is taken before anything is deleted: what is done before it happened between
 * planning and deleting.
 */
export function beforeCall(emulator: Emulator, kind: RequestKind, nth: number, act: () => void): void {
  let calls = 0;
  emulator.onRequest((request) => {
    if (request.kind === kind && (calls += 1) === nth) act();
  });
}
