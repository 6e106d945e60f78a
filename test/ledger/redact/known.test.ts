import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addSecretsIn, addSecretsOf } from '../../../src/ledger/redact/environment.ts';
import { newSecrets, secrets } from '../../../src/ledger/redact/known.ts';

const PASSWORD = 'hunter2 "&\\<>+/ä%~!';

/** As others write a text. */
const FORMS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'in JSON': (text) => JSON.stringify(text).slice(1, -1),
  'in JSON in JSON': (text) => JSON.stringify(JSON.stringify(text)),
  'in a URL': encodeURIComponent,
  'in a URL, in lower case': (text) => encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
  'in a form': (text) => new URLSearchParams({ a: text }).toString().slice(2),
  'in HTML': (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;'),
  'in JSON as Go and .NET write it': (text) =>
    JSON.stringify(text).replace(
      /[<>&+'`]|[^\x20-\x7f]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  'in JSON as PHP writes it': (text) => JSON.stringify(text).replaceAll('/', '\\/'),
  'in a URL in a URL': (text) => encodeURIComponent(encodeURIComponent(text)),
  'in a URL, each letter': (text) => Buffer.from(text).toString('hex').replace(/../g, '%$&'),
  'in HTML, by numbers': (text) => Array.from(text, (letter) => `&#${letter.codePointAt(0) ?? 0};`).join(''),
  'in HTML, some by hexadecimal numbers': (text) =>
    text.replace(/[&<>"'+]/g, (letter) => `&#x${letter.charCodeAt(0).toString(16).toUpperCase()};`),
  'in hexadecimal': (text) => Buffer.from(text).toString('hex'),
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64url': (text) => Buffer.from(text).toString('base64url'),
  'as Basic sends it': (text) => Buffer.from(`admin:${text}`).toString('base64'),
  'within base64': (text) => Buffer.from(`{"a":"x","password":${JSON.stringify(text)}}`).toString('base64'),
  'in base64 in a URL': (text) => encodeURIComponent(Buffer.from(text).toString('base64')),
};

test('addresses of messages: whole, without their beginning, and each part that lets a client write there', () => {
  const [path, key, hook] = ['0123456789abcdef0123', 'sig-of-a-workflow-0001', 'T0123/B0123/hook-of-slack-0002'];
  addSecretsOf({
    NOTIFY: `teams:https://prod.example/workflows/${path}/run?api-version=2016-06-01&key=${key}\nhttps://hooks.example/services/${hook} nonsense-0003`,
  });
  const told = [
    `POST https://prod.example/workflows/${path}/run?api-version=2016-06-01&key=${key}: 404`,
    `no workflow at /workflows/${path}/run`,
    `wrong key ${key}`,
    `getaddrinfo hooks.example/services/${hook}`,
    `"https:\\/\\/hooks.example\\/services\\/${hook.replaceAll('/', '\\/')}"`,
    'nonsense-0003 is no URL',
  ].map((text) => secrets.redact(text));
  for (const secret of [path, key, 'hook-of-slack-0002', 'nonsense-0003'])
    expect(told.filter((text) => text.includes(secret))).toEqual([]);
  // A date is no secret.
  expect(secrets.redact('seen on 2016-06-01')).toBe('seen on 2016-06-01');
});

describe('a known secret is redacted', () => {
  test.each(Object.entries(FORMS))('%s', (name, write) => {
    const known = newSecrets();
    // Within base64 it is looked for as it is.
    const secret = name === 'within base64' ? 'hunter2-and-more' : PASSWORD;
    known.add(secret);
    expect(known.redact(`before ${write(secret)} after`)).toMatch(/^before \S*\[redacted\]\S* after$/);
    expect(known.redact(`before ${write(secret)} after`)).not.toContain(write(secret));
  });

  test('whatever it is, and whatever it stands in', () => {
    const secret = fc
      .string({ unit: 'grapheme', minLength: 6, maxLength: 40 })
      .filter((one) => !'[redacted]'.includes(one));
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...Object.values(FORMS)),
        fc.string(),
        fc.string(),
        (all, write, before, after) => {
          const known = newSecrets();
          for (const one of all) known.add(one);
          for (const one of all) {
            const written = write(one);
            // What is written may be found within what is around it by chance.
            fc.pre(!`${before}[redacted]${after}`.includes(written));
            expect(known.redact(before + written + after)).not.toContain(written);
          }
        },
      ),
    );
  });

  test('and nothing else is', () => {
    const known = newSecrets();
    known.add('hunter2-secret');
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(known.redact(text)).toBe(text);
      }),
    );
    expect(newSecrets().redact('anything')).toBe('anything');
  });

  test('where it is short, only by itself, and only in what a service wrote', () => {
    const known = newSecrets();
    known.add('dev');
    expect(known.redact('team/dev-app:dev')).toBe('team/dev-app:dev');
    expect(known.redactAnswer('wrong password: "dev", developer')).toBe('wrong password: "[redacted]", developer');
    expect(known.redactAnswer('ZGV2 in base64')).toBe('[redacted] in base64');
  });

  test('also where there are many that are long', () => {
    const known = newSecrets();
    for (let n = 0; n < 100; n += 1) known.addToken(`${n}-opaque-token-`.repeat(200));
    known.add('two words/%');
    expect(known.redact('50 % of %74wo&#32;words\\/%25, \\u002f')).toBe('50 % of [redacted], \\u002f');
  });

  test('also after very many others', () => {
    const known = newSecrets();
    for (let n = 0; n < 2000; n += 1) {
      if (n === 0) known.add('the password');
      known.addToken('a token in use');
      known.addToken(`an opaque token ${n}`);
    }
    expect(known.redact('the password, a token in use, an opaque token 1999')).toBe(
      '[redacted], [redacted], [redacted]',
    );
    expect(known.redact('an opaque token 1')).toBe('an opaque token 1');
  });
});

test('the secrets of the environment and of the arguments are known', () => {
  addSecretsOf({
    ACR_PASSWORD: 'env-password',
    AZURE_CLIENT_SECRET: 'client-secret',
    IDENTITY_HEADER: 'identity-header',
    RETENTION_STORAGE: 'AccountName=a;AccountKey=abc/def+ghi==;EndpointSuffix=core.windows.net',
    SOME_URL: 'https://a.blob.core.windows.net/x?sv=1&sig=sas-signature&se=2',
    AzureWebJobsSecretStorageType: 'keyvault',
    PATH: undefined,
  });
  addSecretsIn(['purge', '--password', 'arg-password', '-p', 'arg-short', '-parg-joined', '--password=arg-equals']);
  for (const secret of [
    ...['env-password', 'client-secret', 'identity-header', 'abc/def+ghi==', 'sas-signature'],
    ...['arg-password', 'arg-short', 'arg-joined', 'arg-equals'],
  ])
    expect(secrets.redact(`<${secret}>`)).toBe('<[redacted]>');
  expect(secrets.redact('keyvault --password')).toBe('keyvault --password');
});
