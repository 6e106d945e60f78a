import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { mediaTypes, type Built } from '../../../src/dev/emulator/manifests.ts';
import { digestOf, packedImage } from '../../support/packed.ts';
import { call, emulatorOf, parsed, type Reply, type Sent } from './support.ts';

/*
 * The calls of an ORAS client (oras-go) in its order: a token for several actions at once, blobs that are looked for and
 * sent in one piece, an artifact with a subject, and the list of referrers, which it first tries on no digest at all.
 */

const TYPE = 'application/vnd.example.sbom';
const ZERO = `sha256:${'0'.repeat(64)}`;

/** Calls with the token that a challenge leads to. */
class Oras {
  readonly #emulator: Emulator;
  readonly #repository: string;
  #token = '';

  constructor(emulator: Emulator, repository: string) {
    this.#emulator = emulator;
    this.#repository = repository;
  }

  async #send(path: string, sent: Sent = {}): Promise<Reply> {
    const headers = { ...sent.headers, ...(this.#token !== '' && { authorization: `Bearer ${this.#token}` }) };
    const reply = await call(this.#emulator, path, { ...sent, headers, auth: null });
    if (reply.status !== 401) return reply;
    const [, realm = '', service = ''] =
      /realm="([^"]+)",service="([^"]+)"/.exec(reply.headers['www-authenticate'] ?? '') ?? [];
    const query = new URLSearchParams({ service, scope: `repository:${this.#repository}:pull,push` });
    const answer = await call(this.#emulator, `${new URL(realm).pathname}?${query.toString()}`);
    this.#token = (parsed(answer) as { access_token: string }).access_token;
    return this.#send(path, sent);
  }

  /** Sends a blob unless it is there. Returns its descriptor. */
  async blob(mediaType: string, bytes: Buffer): Promise<object> {
    const digest = digestOf(bytes);
    const found = await this.#send(`/v2/${this.#repository}/blobs/${digest}`, { method: 'HEAD' });
    if (found.status === 404) {
      const begun = await this.#send(`/v2/${this.#repository}/blobs/uploads/`, { method: 'POST' });
      const location = new URL(String(begun.headers.location), this.#emulator.url);
      location.searchParams.set('digest', digest);
      const put = { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: bytes };
      expect((await this.#send(location.pathname + location.search, put)).status).toBe(201);
    } else expect(found.status).toBe(200);
    return { mediaType, digest, size: bytes.length };
  }

  /** Attaches a file to an image. Returns the answer, which tells whether the registry keeps the referrers itself. */
  async attach(subject: Built, file: Buffer): Promise<Reply> {
    const config = { ...(await this.blob('application/vnd.oci.empty.v1+json', Buffer.from('{}'))), data: 'e30=' };
    const layer = await this.blob('text/plain', file);
    const body = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: mediaTypes.ociImage, artifactType: TYPE, config, layers: [layer] },
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: Buffer.byteLength(subject.body) },
      annotations: { 'org.opencontainers.image.created': '2026-05-01T10:00:00Z' },
    });
    const path = `/v2/${this.#repository}/manifests/${digestOf(body)}`;
    expect((await this.#send(path, { method: 'HEAD' })).status).toBe(404);
    return this.#send(path, { method: 'PUT', headers: { 'content-type': mediaTypes.ociImage }, body });
  }

  async discover(digest: string, artifactType?: string): Promise<readonly { digest: string; artifactType: string }[]> {
    const filter = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
    const reply = await this.#send(`/v2/${this.#repository}/referrers/${digest}${filter}`);
    expect([reply.status, reply.headers['content-type']]).toEqual([200, mediaTypes.ociIndex]);
    return (parsed(reply) as { manifests: { digest: string; artifactType: string }[] }).manifests;
  }
}

test('an artifact is attached to an image, and discovered', async () => {
  const image = packedImage('app');
  const emulator = await emulatorOf({}, { requireBlobs: true });
  const oras = new Oras(emulator, 'team/app');
  for (const bytes of image.blobs) await oras.blob('', bytes);
  // Once more: nothing is sent.
  const { 'upload-blob': uploads } = emulator.counts();
  for (const bytes of image.blobs) await oras.blob('', bytes);
  expect(emulator.counts()['upload-blob']).toBe(uploads);
  emulator.push('team/app', image.body, { tag: 'v1' });
  expect(await oras.discover(ZERO)).toEqual([]);
  const attached = await oras.attach(image, Buffer.from('what is in it'));
  expect([attached.status, attached.headers['oci-subject']]).toEqual([201, image.digest]);
  const digest = attached.headers['docker-content-digest'];
  expect(await oras.discover(image.digest, TYPE)).toMatchObject([{ digest, artifactType: TYPE }]);
  expect(await oras.discover(image.digest, 'another/type')).toEqual([]);
  expect(emulator.counts().challenge).toBe(1);
});
