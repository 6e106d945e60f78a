import { secrets } from './known.ts';

/** Where a word begins, also right behind the escaped line break or tab of a JSON string. */
const START = String.raw`(?<=^|[^A-Za-z0-9_]|\\[nrtbf])`;

/**
 * What looks like a secret. Digests, tags and identifiers do not look like any of these. What the first group matches is
 * kept.
 */
const SECRETS: readonly RegExp[] = [
  // A JWT: two JSON objects in base64url, and perhaps a signature.
  new RegExp(String.raw`()${START}eyJ[\w-]+\.eyJ[\w-]+(?:\.[\w-]*)?`, 'g'),
  // The same in base64.
  new RegExp(String.raw`()${START}ZXlK[\w+/-]{40,}=*`, 'g'),
  new RegExp(String.raw`(${START}Bearer\s+)[\w.~+/=-]{16,}`, 'gi'),
  // Base64, and not a word such as "authentication".
  new RegExp(String.raw`(${START}Basic\s+)(?=[A-Za-z+/]*[\d=])[\w+/=]{8,}`, 'gi'),
  // A user name and password in a URL.
  /(\w:\/\/)[^\s/@"'\\]+@/g,
  // Connection strings, shared access signatures, forms.
  new RegExp(
    String.raw`((?:${START}(?:AccountKey|SharedAccessKey|SharedAccessSignature|sig|(?:access|refresh|id)_token)|password|secret)=)[^\s"'&;,\\]+`,
    'gi',
  ),
  // A function key in a URL. `code` is also what the registry calls its kinds of error.
  /([?&]code=)[^\s"'&;,\\]+/gi,
  // JSON, and JSON in JSON.
  /((?:password|client_secret|(?:access|refresh|id)_token)\\?"\s*:\s*\\?")[^"\\]+/gi,
  new RegExp(String.raw`(${START}(?:x-functions-key|x-identity-header)\\?["']?:\s*(?:\\?["'])?)[\w~.+/=-]{4,}`, 'gi'),
];

/** Without any of these nothing looks like a secret: most lines have none, and there may be a hundred thousand. */
const HINT = /eyJ|ZXlK|[@=]|bearer|basic|password|secret|token|x-functions-key|x-identity-header/i;

/** The text without the secrets that this process knows, and without what looks like one. */
export function redact(text: string): string {
  const unknown = secrets.redact(text);
  if (!HINT.test(unknown)) return unknown;
  const lines = unknown.split('\n');
  return lines.length === 1 ? withoutPatterns(unknown) : lines.map(withoutPatterns).join('\n');
}

function withoutPatterns(line: string): string {
  if (!HINT.test(line)) return line;
  return SECRETS.reduce((redacted, pattern) => redacted.replace(pattern, '$1[redacted]'), line);
}

/** The fields of a record that hold sentences. The others are names, rules and numbers, which must not be changed. */
const SENTENCES: ReadonlySet<string> = new Set(['error', 'detail', 'message', 'problems', 'warnings', 'why']);

/** A value to be recorded, without secrets in its sentences: a service may have repeated what it was sent. */
export function redactSentences<T>(value: T): T {
  return redactIn(value, false) as T;
}

function redactIn(value: unknown, isSentence: boolean): unknown {
  if (typeof value === 'string') return isSentence ? redact(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => redactIn(one, isSentence));
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, redactIn(one, isSentence || SENTENCES.has(name))]),
  );
}
