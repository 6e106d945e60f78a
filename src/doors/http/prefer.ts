/** What a client prefers that matters here (RFC 7240). */
export interface Preferences {
  /** It would rather be told where the result will be than wait for it. */
  readonly respondAsync: boolean;
  /** Seconds that it wants to wait at most. */
  readonly wait: number | undefined;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PREFERENCE = new RegExp(`^(${TOKEN})\\s*(?:=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))?)?$`);

/** Everything up to a separator outside quotes. An open quote ends with the text, so each match is found in one pass. */
const QUOTED = String.raw`"(?:[^"\\]|\\.)*(?:"|\\?$)`;
const PREFERENCES = new RegExp(`(?:[^",]|${QUOTED})+`, 'gs');
const WITHOUT_PARAMETERS = new RegExp(`^(?:[^";]|${QUOTED})*`, 's');

/**
 * Reads the header `Prefer`; several come joined by commas. Preferences that are not understood are ignored, and so are
 * the parameters of a preference. Of a preference that is given twice the first counts.
 */
export function readPreferences(header: string | null): Preferences {
  const given = new Map<string, string>();
  for (const preference of header?.match(PREFERENCES) ?? []) {
    const [, name, quoted, plain] = PREFERENCE.exec(WITHOUT_PARAMETERS.exec(preference)?.[0].trim() ?? '') ?? [];
    const key = name?.toLowerCase();
    if (key !== undefined && !given.has(key)) given.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  const wait = given.get('wait') ?? '';
  return { respondAsync: given.get('respond-async') === '', wait: /^\d{1,9}$/.test(wait) ? Number(wait) : undefined };
}

/** How long a client waits for a result before it is answered with where the result will be. */
export interface Patience {
  readonly milliseconds: number;
  /** `Preference-Applied` of the answer 202, and of the answer with the result. */
  readonly applied: { readonly accepted: string; readonly result: string };
}

/** Azure ends a request after 230 seconds without a byte: a longer wait would give the client no answer at all. */
const LONGEST_S = 200;

/** A `POST` is answered soon with where to look. */
const USUAL_S = 30;

/**
 * How patient a client is. A browser or a script that sends `GET` seldom handles a 202, so it waits as long as Azure
 * lets it. `Prefer` says otherwise, of either method: `respond-async` does not wait, `wait=10` waits ten seconds, and so
 * do both together.
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
