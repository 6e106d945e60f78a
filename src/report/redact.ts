/**
 * What looks like a secret, wherever it stands in a text. Digests, tags and identifiers do not look like any of these.
 * Each leaves its first group.
 */
const SECRETS: readonly RegExp[] = [
  // A JWT: two JSON objects in base64url, and perhaps a signature.
  /()\beyJ[\w-]+\.eyJ[\w-]+(?:\.[\w-]*)?/g,
  /(\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}/gi,
  // Connection strings, shared access signatures, function keys, forms and JSON with a token in it.
  /((?:^|[?&;\s"'\\]|\b)(?:AccountKey|SharedAccessKey|SharedAccessSignature|sig|code|password|client_secret|(?:access|refresh|id)_token|x-functions-key|x-identity-header)\\?["']?\s*[=:]\s*\\?["']?)[^\s"'&;,\\]{4,}/gi,
];

/** The text without what looks like a secret. */
export function redact(text: string): string {
  return SECRETS.reduce((redacted, pattern) => redacted.replace(pattern, '$1[redacted]'), text);
}
