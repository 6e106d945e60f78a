/** What a client prefers that matters here (RFC 7240). */
export interface Preferences {
  /** It would rather be told where the result will be than wait for it. */
  readonly respondAsync: boolean;
  /** Seconds that it wants to wait at most. */
  readonly wait: number | undefined;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PREFERENCE = new RegExp(`^(${TOKEN})\\s*(?:=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))?)?$`);

/**
 * Reads the header `Prefer`, several of which come joined by commas. What is not understood is passed over, as are the
 * parameters of a preference; of a preference that is given twice the first counts.
 */
export function readPreferences(header: string | null): Preferences {
  const given = new Map<string, string>();
  for (const preference of outside(header ?? '', ',')) {
    const [, name, quoted, plain] = PREFERENCE.exec(outside(preference, ';')[0]?.trim() ?? '') ?? [];
    const key = name?.toLowerCase();
    if (key !== undefined && !given.has(key)) given.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  const wait = given.get('wait') ?? '';
  return { respondAsync: given.get('respond-async') === '', wait: /^\d{1,9}$/.test(wait) ? Number(wait) : undefined };
}

/** Splits a text where the separator stands outside quotes. */
function outside(text: string, separator: ',' | ';'): readonly string[] {
  const parts: string[] = [];
  let part = '';
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const letter = text.charAt(index);
    if (letter === '"') isQuoted = !isQuoted;
    if (letter === separator && !isQuoted) {
      parts.push(part);
      part = '';
    } else if (letter === '\\' && isQuoted) {
      index += 1;
      part += letter + text.charAt(index);
    } else part += letter;
  }
  return [...parts, part];
}

/** How long a request is worked on before it is answered with where the result will be. */
export interface Patience {
  readonly milliseconds: number;
  /** `Preference-Applied` of an answer that says so, and of one that has the result. */
  readonly applied: { readonly accepted: string; readonly result: string };
}

/**
 * Azure cuts a request off after 230 seconds without a byte. Whoever waits longer gets neither a result nor where it
 * will be.
 */
const LONGEST_S = 200;

/** A request that is to do something (`POST`) is told soon where to look. */
const USUAL_S = 30;

/**
 * How patient a client is. `GET` asks for a result, and whoever sends one, a browser or a script, seldom knows what to
 * do without: it waits as long as it can be let wait. `Prefer` says otherwise, of either: `respond-async` does not wait,
 * `wait=10` waits ten seconds, and both together as well. So a test is patient for as long as it wants.
 */
export function patienceOf(method: string, header: string | null): Patience {
  const { respondAsync, wait } = readPreferences(header);
  const usual = respondAsync ? 0 : method === 'GET' ? LONGEST_S : USUAL_S;
  const seconds = Math.min(wait ?? usual, LONGEST_S);
  const waited = wait === undefined ? [] : [`wait=${seconds}`];
  return {
    milliseconds: seconds * 1000,
    applied: {
      accepted: [...(respondAsync ? ['respond-async'] : []), ...waited].join(', '),
      result: waited.join(', '),
    },
  };
}
