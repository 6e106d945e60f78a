import { generate } from 'selfsigned';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

let cached: Promise<Certificate> | undefined;

/**
 * A certificate for loopback, shared by all emulators of this process. It signs itself, so it is its own root: OpenSSL
 * requires `cA` and `keyCertSign` of a root; OpenSSL and Go require `digitalSignature`, `serverAuth` and the names in
 * `subjectAltName` of a server. An elliptic key takes a millisecond to make, an RSA key a good part of a second.
 */
export function certificate(): Promise<Certificate> {
  cached ??= certificateFor();
  return cached;
}

/** A new one, for loopback and for another server's name besides: a test may send a client that asks that server here. */
export async function certificateFor(server?: string): Promise<Certificate> {
  const created = await generate([{ name: 'commonName', value: server ?? 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // Valid on a clock that is a little behind, too (a virtual machine's).
    notBeforeDate: new Date(Date.now() - 3_600_000),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, cRLSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          ...(server === undefined ? [] : [{ type: 2 as const, value: server }]),
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { key: created.private, cert: created.cert };
}
