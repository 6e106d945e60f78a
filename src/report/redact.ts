/** Where a word begins, also right behind the escaped line break or tab of a JSON string. */
const START = String.raw`(?<=^|[^A-Za-z0-9_]|\\[nrtbf])`;

/**
 * What looks like a secret, wherever it stands in a text. Digests, tags and identifiers do not look like any of these.
 * Each leaves its first group.
 */
const SECRETS: readonly RegExp[] = [
  // A JWT: two JSON objects in base64url, and perhaps a signature.
  new RegExp(String.raw`()${START}eyJ[\w-]+\.eyJ[\w-]+(?:\.[\w-]*)?`, 'g'),
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

/** The text without what looks like a secret. */
export function redact(text: string): string {
  return SECRETS.reduce((redacted, pattern) => redacted.replace(pattern, '$1[redacted]'), text);
}
