import { Transform, type TransformCallback } from 'node:stream';
import { constants, gunzipSync, gzipSync } from 'node:zlib';

/*
 * `node:zlib` for the ledger, without its threads: everything is packed and unpacked in the turn in which the last piece
 * of it comes.
 */

/** Does something with all that is written, once it has ended. */
function whole(act: (all: Buffer, push: (bytes: Buffer) => void) => void): Transform {
  const pieces: Buffer[] = [];
  return new Transform({
    transform(piece: Buffer, _encoding, done: TransformCallback) {
      pieces.push(piece);
      done();
    },
    flush(done) {
      try {
        act(Buffer.concat(pieces), (bytes) => this.push(bytes));
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}

/** Most of the time is spent on the memory for it. */
const SMALL = { level: 1, memLevel: 1, windowBits: 9 };

/** What was packed, by what came of it: most of it is read again, and again. */
const packed = new Map<string, Buffer>();

/** Files that are remembered: more than a story writes. */
const MOST_PACKED = 500;

export function createGzip(): Transform {
  return whole((all, push) => {
    const bytes = gzipSync(all, SMALL);
    if (packed.size >= MOST_PACKED) packed.clear();
    packed.set(bytes.toString('latin1'), all);
    push(bytes);
  });
}

export function createGunzip({ chunkSize = 16 * 1024 }: { readonly chunkSize?: number } = {}): Transform {
  return whole((all, push) => {
    const give = (bytes: Buffer): void => {
      for (let at = 0; at < bytes.length; at += chunkSize) push(bytes.subarray(at, at + chunkSize));
    };
    try {
      // What is cut off or damaged is not among it.
      give(packed.get(all.toString('latin1')) ?? gunzipSync(all));
    } catch (error) {
      // Like the real one it gives what can be unpacked of a file that is cut off, and then says so.
      give(gunzipSync(all, { finishFlush: constants.Z_SYNC_FLUSH }));
      throw error;
    }
  });
}
