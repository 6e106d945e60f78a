import { generate } from 'selfsigned';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

let cached: Promise<Certificate> | undefined;

/**
 * A certificate for loopback, the same for every emulator of this process. It signs itself, so it is its own root:
 * `cA` and `keyCertSign` are what OpenSSL asks of a root, `digitalSignature`, `serverAuth` and the names in
 * `subjectAltName` what it and Go ask of a server. An elliptic key takes a millisecond, an RSA key a good part of
 * a second.
 */
export function certificate(): Promise<Certificate> {
  cached ??= create();
  return cached;
}

async function create(): Promise<Certificate> {
  const created = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // A clock that is a little behind (a virtual machine's) must not see a certificate from the future.
    notBeforeDate: new Date(Date.now() - 3_600_000),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, cRLSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { key: created.private, cert: created.cert };
}
