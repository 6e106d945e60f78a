import { DamagedReport } from './fields.ts';

/** Lists and objects within each other. A list of packages within packages has some dozens. */
const DEEPEST = 200;

/** Lists and objects, and values, of one report: beyond that it takes seconds to read, and is no report of an image. */
const MOST_CONTAINERS = 500_000;
const MOST_VALUES = 1_000_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Reads JSON that anyone may have written. It is looked through first: what is made to take long to read is not read.
 * @throws {DamagedReport} where it is too much
 * @throws {SyntaxError} where it is not JSON
 */
export function parseJson(bytes: Uint8Array): unknown {
  let [depth, containers, values] = [0, 0, 0];
  let isText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === COMMA) values += 1;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      containers += 1;
      depth += 1;
      if (depth > DEEPEST) throw new DamagedReport('it is nested too deeply');
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
  }
  if (containers > MOST_CONTAINERS || values > MOST_VALUES) throw new DamagedReport('it has too many values');
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
}
