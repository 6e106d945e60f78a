import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redact, redactSentences } from '../../../src/ledger/redact/redact.ts';

const part = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url');
const JWT = `${part({ alg: 'RS256' })}.${part({ aud: 'https://containerregistry.azure.net' })}.c2lnbmF0dXJl`;

describe('what looks like a secret is gone, and what it stood in is not', () => {
  test.each([
    [JWT, '[redacted]'],
    [`token ${JWT}, and more`, 'token [redacted], and more'],
    [`Authorization: Bearer ${JWT}`, 'Authorization: Bearer [redacted]'],
    [JSON.stringify(`401:\n${JWT}`), JSON.stringify('401:\n[redacted]')],
    [JSON.stringify('a\nBearer abcdefghijklmnop'), JSON.stringify('a\nBearer [redacted]')],
    [JSON.stringify('a\tsig=abcdef'), JSON.stringify('a\tsig=[redacted]')],
    ['Bearer abcdefghijklmnop', 'Bearer [redacted]'],
    ['Basic dXNlcjpwYXNzd29yZA==', 'Basic [redacted]'],
    ['AccountName=x;AccountKey=abc+def/ghi==;EndpointSuffix=y', 'AccountName=x;AccountKey=[redacted];EndpointSuffix=y'],
    ['https://a.blob/x?sv=1&sig=abcdef%3D&se=2', 'https://a.blob/x?sv=1&sig=[redacted]&se=2'],
    ['/api/status?code=abcdefgh==', '/api/status?code=[redacted]'],
    ['{"access_token":"abcdef","expires_in":1}', '{"access_token":"[redacted]","expires_in":1}'],
    ['{\\"refresh_token\\":\\"abcdef\\"}', '{\\"refresh_token\\":\\"[redacted]\\"}'],
    ['grant_type=refresh_token&refresh_token=abcdef', 'grant_type=refresh_token&refresh_token=[redacted]'],
    ['ACR_PASSWORD=hunter2 acr purge', 'ACR_PASSWORD=[redacted] acr purge'],
    ['https://user:hunter2@contoso.azurecr.io/', 'https://[redacted]contoso.azurecr.io/'],
    ['x-identity-header: abcdef', 'x-identity-header: [redacted]'],
  ])('%s', (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });
});

test.each([
  'ACR_PASSWORD: is not set, and ACR_USERNAME is',
  'Basic authentication is required',
  '{"message":"x-functions-key:","next":"abcdef"}',
  '--password: credentials do not belong here',
  '{"error":{"code":"DENIED","message":"requested access to the resource is denied"}}',
  'get a token for repository:shop/api:metadata_read,pull',
])('%s: stays as it is', (text) => {
  expect(redact(text)).toBe(text);
});

test('what has none stays as it is: names, tags and digests in a record of the log, and its codes', () => {
  const record = fc.record({
    repository: fc.stringMatching(/^[a-z0-9]{1,10}(?:[._/-][a-z0-9]{1,10}){0,3}$/),
    tag: fc.stringMatching(/^\w[\w.-]{0,60}$/),
    digest: fc.stringMatching(/^sha256:[0-9a-f]{64}$/),
    error: fc.record({ code: fc.constantFrom('DENIED', 'UNAUTHORIZED', 'TAG_UNKNOWN'), status: fc.integer() }),
  });
  fc.assert(
    fc.property(record, (fields) => {
      const line = JSON.stringify(fields);
      expect(redact(line)).toBe(line);
    }),
  );
});

test('what a source could not read is a sentence as well', () => {
  const record = { evidence: [{ source: 'kube prod', problems: ['answered Bearer abcdefghijklmnopqrst'] }] };
  expect(redactSentences(record)).toEqual({
    evidence: [{ source: 'kube prod', problems: ['answered Bearer [redacted]'] }],
  });
});
