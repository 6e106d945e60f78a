import { type Layer, layersOf } from './escaped.ts';

/** What stands where a secret stood. */
const REDACTED = '[redacted]';

/**
 * A shorter secret is not looked for everywhere: parts of ordinary words would be redacted. In answers of a service it is
 * looked for as a whole word.
 */
const SHORTEST = 6;

/** How many tokens are remembered: the one that was used longest ago is forgotten first. */
const MOST_TOKENS = 100;

/** Secrets that this process has read or was given, redacted in everything that leaves it. */
export interface Secrets {
  /** Remembers a secret for as long as the process lives. */
  readonly add: (secret: string | undefined) => void;
  /** Remembers a token that a service gave. To be called each time that it is used: a long run has any number of them. */
  readonly addToken: (token: string) => void;
  /** The text without any of them: as they are, in base64 and hexadecimal, and as JSON, URLs and HTML write them. */
  readonly redact: (text: string) => string;
  /** The same for what a service wrote; short ones, too. */
  readonly redactAnswer: (text: string) => string;
}

export function newSecrets(): Secrets {
  const known = new Map<string, Forms>();
  const tokens = new Map<string, Forms>();
  let matcher: ((text: string) => string) | undefined;
  let shortMatcher: RegExp | undefined;
  const redact = (text: string): string => (matcher ??= matcherFor([...known.values(), ...tokens.values()]))(text);
  const changed = (): void => {
    matcher = shortMatcher = undefined;
  };
  return {
    add(secret) {
      if (secret === undefined || secret === '' || known.has(secret)) return;
      known.set(secret, formsOf(secret));
      changed();
    },
    addToken(token) {
      // Those that are added again are in use.
      const forms = tokens.get(token);
      tokens.delete(token);
      tokens.set(token, forms ?? formsOf(token));
      if (forms) return;
      const [oldest] = tokens.keys();
      if (tokens.size > MOST_TOKENS && oldest !== undefined) tokens.delete(oldest);
      changed();
    },
    redact,
    redactAnswer(text) {
      shortMatcher ??= anyOf(
        [...known.keys(), ...tokens.keys()].filter(({ length }) => length < SHORTEST).flatMap(asWord),
        (any) => `(?<![A-Za-z0-9])(?:${any})(?![A-Za-z0-9])`,
      );
      return redact(text).replace(shortMatcher, REDACTED);
    },
  };
}

/** Those of this process. */
export const secrets = newSecrets();

/** How a secret that is looked for everywhere may be written. */
interface Forms {
  readonly written: readonly string[];
  readonly inBase64: readonly string[];
}

function formsOf(secret: string): Forms {
  if (secret.length < SHORTEST) return { written: [], inBase64: [] };
  return { written: written(secret), inBase64: [secret, quoted(secret)].flatMap(inBase64) };
}

function matcherFor(known: readonly Forms[]): (text: string) => string {
  const encoded = new Set(known.flatMap((forms) => forms.inBase64));
  const all = [...new Set([...known.flatMap((forms) => forms.written), ...encoded])];
  if (all.length === 0) return (text) => text;
  return (text) => {
    const found = Array.from(layersOf(text), (layer) => placesIn(layer, all, encoded)).flat();
    if (found.length === 0) return text;
    let [redacted, from] = ['', 0];
    for (const [start, end] of found.sort(([a], [b]) => a - b)) {
      if (end <= from) continue;
      redacted += start < from ? '' : text.slice(from, start) + REDACTED;
      from = end;
    }
    return redacted + text.slice(from);
  };
}

/** Where secrets begin and end. To look for each by itself is far quicker than for all with one expression. */
function placesIn({ text, at }: Layer, all: readonly string[], encoded: ReadonlySet<string>): [number, number][] {
  const places: [number, number][] = [];
  for (const form of all) {
    for (let found = text.indexOf(form); found !== -1; found = text.indexOf(form, found + form.length)) {
      let [start, end] = [found, found + form.length];
      // The rest of the encoded text, too: its letters next to these hold a part of the secret.
      if (encoded.has(form)) {
        while (start > 0 && BASE64.test(text.charAt(start - 1))) start -= 1;
        while (end < text.length && BASE64.test(text.charAt(end))) end += 1;
      }
      places.push([at?.[start] ?? start, at?.[end] ?? end]);
    }
  }
  return places;
}

const BASE64 = /[\w+/=-]/;

/** A secret as texts, JSON, JSON in JSON, URLs, forms and HTML write it. */
function written(secret: string): readonly string[] {
  const json = quoted(secret);
  const url = encoded(secret);
  const form = new URLSearchParams({ a: secret }).toString().slice(2);
  const html = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  return [
    ...[secret, json, quoted(json), url, lowerCase(url), html],
    ...[form, lowerCase(form), url.replaceAll('%20', '+'), strict(url), lowerCase(strict(url))],
    ...[html.replaceAll('>', '&gt;').replaceAll("'", '&#39;'), quoted(html)],
    ...hexadecimal(secret),
  ];
}

function hexadecimal(secret: string): readonly string[] {
  const hex = Buffer.from(secret).toString('hex');
  return [hex, hex.toUpperCase()];
}

/** The forms of a short secret, which is looked for as a whole word: nothing else is encoded together with it. */
function asWord(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [...written(secret), bytes.toString('base64'), bytes.toString('base64url')];
}

/** Its forms within a text in base64: one for each of the three places in a group of bytes that it can begin at. */
function inBase64(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Only the letters that hold bits of the secret and nothing else.
    const own = whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_'), encoded(own), lowerCase(encoded(own))];
  });
}

function quoted(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function encoded(text: string): string {
  // A lone surrogate cannot be encoded.
  return encodeURIComponent(Buffer.from(text).toString());
}

/** Escapes what `encodeURIComponent` leaves as it is and other encoders do not. */
function strict(url: string): string {
  return url.replace(/[!'()*~]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

function lowerCase(url: string): string {
  return url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
}

/** The longest first: one may be a part of another. Matches nothing where there are none. */
function anyOf(texts: readonly string[], around: (any: string) => string): RegExp {
  const sorted = [...new Set(texts)].filter((text) => text !== '').sort((a, b) => b.length - a.length);
  const any = sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
  return new RegExp(sorted.length === 0 ? '(?!)' : around(any), 'g');
}
