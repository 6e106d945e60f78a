/*
 * A service may repeat what it was sent in many forms: some letters escaped or all of them, once or several times, in
 * capitals or not. They cannot be listed. Instead the text is unescaped, one layer after the other, and each letter of a
 * layer keeps its place in the original text.
 */

/** A text, or the same unescaped. */
export interface Layer {
  readonly text: string;
  /** Where in the original each letter begins, and where the last one ends; absent: the original itself. */
  readonly at?: readonly number[];
}

/** Nothing is escaped more than three times. */
const MOST_LAYERS = 4;

/** Without any of these nothing is escaped. Nearly all texts have none, and looking for them is quick. */
const HINT = /%[\da-f]{2}|&#?\w+;|\\[u/]/i;

/** One letter: in a URL (of one to four bytes), in HTML, in JSON. */
const ESCAPED =
  /%[0-7][\da-f]|%[cd][\da-f]%[\da-f]{2}|%e[\da-f](?:%[\da-f]{2}){2}|%f[0-7](?:%[\da-f]{2}){3}|&(?:#\d{1,7}|#x[\da-f]{1,6}|amp|lt|gt|quot|apos);|\\u[\da-f]{4}|\\["'/\\]/gi;

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The text itself, then the same unescaped once, twice and so on. */
export function* layersOf(text: string): Generator<Layer> {
  let layer: Layer = { text };
  yield layer;
  for (let layers = 1; layers < MOST_LAYERS && HINT.test(layer.text); layers += 1) {
    layer = unescaped(layer);
    yield layer;
  }
}

function unescaped({ text, at }: Layer): Layer {
  const place = (index: number): number => at?.[index] ?? index;
  const places: number[] = [];
  let [plain, from] = ['', 0];
  const asItIs = (to: number): void => {
    plain += text.slice(from, to);
    for (let index = from; index < to; index += 1) places.push(place(index));
  };
  for (const { 0: found, index } of text.matchAll(ESCAPED)) {
    asItIs(index);
    const letter = letterOf(found);
    plain += letter;
    // It may be a pair of surrogates: both begin where it does.
    for (let halves = letter.length; halves > 0; halves -= 1) places.push(place(index));
    from = index + found.length;
  }
  asItIs(text.length);
  places.push(place(text.length));
  return { text: plain, at: places };
}

function letterOf(escaped: string): string {
  if (escaped.startsWith('%')) {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped;
    }
  }
  if (!escaped.startsWith('&'))
    return /^\\u/i.test(escaped) ? String.fromCharCode(Number.parseInt(escaped.slice(2), 16)) : escaped.slice(1);
  const name = escaped.slice(1, -1).toLowerCase();
  const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return NAMED[name] ?? (code <= 0x10ffff ? String.fromCodePoint(code) : escaped);
}
