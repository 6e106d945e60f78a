import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, image, index, mediaTypes, referrer } from '../../src/dev/emulator/manifests.ts';
import { parseManifest } from '../../src/registry/manifest.ts';
import { kindOf, mayHaveSubject } from '../../src/registry/media-types.ts';

const digest = fc.nat().map((id) => digestOf(String(id)));
const A = digestOf('a');
const B = digestOf('b');
const UNKNOWN = 'application/vnd.example.bundle+json';

/** Without what it takes up, which is another question. */
function parsed(text: string, mediaType: string | undefined) {
  const { stored: _, ...content } = parseManifest(text, mediaType);
  return content;
}

describe('a manifest', () => {
  test('has the children and the subject that its document names, in their order', () => {
    const amd64 = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
    const nested = { ...index([amd64], { docker: true }), architecture: 'any', os: 'linux' };
    const outer = index([nested, amd64]);
    expect(parsed(outer.body, outer.mediaType)).toEqual({
      children: [
        { digest: nested.digest, index: true },
        { digest: amd64.digest, index: false },
      ],
      subject: undefined,
    });
    const sbom = referrer(outer, 'application/spdx+json', 'sbom');
    expect(parseManifest(sbom.body, sbom.mediaType)).toMatchObject({ children: [], subject: outer.digest });
    const { config } = JSON.parse(amd64.body) as { readonly config: { readonly digest: string } };
    expect(parsed(amd64.body, amd64.mediaType)).toEqual({
      children: [],
      subject: undefined,
      config: config.digest,
    });
  });

  test('has every digest that it mentions as a child where its type is not known', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(digest, { maxLength: 5 }),
        fc.constantFrom(UNKNOWN, undefined, 'text/plain'),
        fc.func(fc.jsonValue()),
        (digests, mediaType, around) => {
          const text = JSON.stringify(digests.map((one) => ({ deep: [one], more: around(one) })));
          expect(new Set(parseManifest(text, mediaType).children.map((child) => child.digest))).toEqual(
            new Set(digests),
          );
        },
      ),
    );
    expect(parseManifest(`no JSON, but ${A}`, UNKNOWN).children).toEqual([{ digest: A, index: false }]);
    const sha512 = `sha512:${'0'.repeat(128)}`;
    expect(parseManifest(JSON.stringify({ base: sha512 }), UNKNOWN).children).toEqual([
      { digest: sha512, index: false },
    ]);
  });

  test('is of the type that its document gives where the answer gives none', () => {
    const text = JSON.stringify({ mediaType: mediaTypes.ociImage, config: { digest: A }, subject: { digest: B } });
    expect(parseManifest(text, undefined)).toEqual({ children: [], subject: B, config: A });
    expect(parseManifest(text, 'application/octet-stream')).toEqual({ children: [], subject: B, config: A });
  });

  test.each([A, [A], { digest: 1 }, { digest: '' }, null])('has no configuration where that is %j', (config) => {
    expect(parseManifest(JSON.stringify({ config }), mediaTypes.ociImage)).toEqual({
      children: [],
      subject: undefined,
    });
  });

  test('is read with the names of its fields in either case, as Go reads them', () => {
    const text = JSON.stringify({ Manifests: [{ DIGEST: A, MediaType: mediaTypes.ociIndex }], Subject: { Digest: B } });
    expect(parsed(text, mediaTypes.ociIndex)).toEqual({ children: [{ digest: A, index: true }], subject: B });
  });

  test.each([
    ['no JSON', '<html>'],
    ['a list', '[]'],
    ['null', 'null'],
    ['"manifests" that is no list', JSON.stringify({ manifests: { digest: A } })],
    ['a child that is no object', JSON.stringify({ manifests: [A] })],
    ['a child without a digest', JSON.stringify({ manifests: [{ mediaType: mediaTypes.ociImage }] })],
    ['a child whose digest is no text', JSON.stringify({ manifests: [{ digest: [A] }] })],
    ['a subject that is no object', JSON.stringify({ subject: A })],
    ['a subject whose digest is no text', JSON.stringify({ subject: { digest: 1 } })],
  ])('of a known type is unreadable where it is %s', (_, text) => {
    for (const type of [mediaTypes.ociIndex, mediaTypes.ociImage, mediaTypes.dockerList])
      expect(() => parseManifest(text, type)).toThrow(SyntaxError);
  });

  test('of whatever text is read or is a SyntaxError, and nothing else', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ manifests: value })),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(...Object.values(mediaTypes), UNKNOWN, undefined), (one, type) => {
        try {
          parseManifest(one, type);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
  });
});

test('what a media type tells without reading', () => {
  const told = (type: string | undefined) => [kindOf(type), mayHaveSubject(type)];
  expect(told(mediaTypes.ociIndex)).toEqual(['index', true]);
  expect(told(mediaTypes.dockerList)).toEqual(['index', false]);
  expect(told(mediaTypes.ociImage)).toEqual(['image', true]);
  expect(told(mediaTypes.dockerImage)).toEqual(['plain', false]);
  expect(told('application/vnd.docker.distribution.manifest.v1+prettyjws')).toEqual(['plain', false]);
  expect(told('application/vnd.oci.artifact.manifest.v1+json')).toEqual(['image', true]);
  for (const doubtful of [undefined, '', UNKNOWN, `${mediaTypes.ociIndex}; charset=utf-8`])
    expect(told(doubtful)).toEqual(['unknown', true]);
});

describe('what a manifest takes up', () => {
  const of = (document: object) => parseManifest(JSON.stringify(document), mediaTypes.ociImage).stored;

  test('are its own bytes, its configuration and its layers, each once', () => {
    const document = {
      config: { digest: A, size: 10 },
      layers: [
        { digest: B, size: 20 },
        { digest: B, size: 20 },
      ],
    };
    expect(of(document)).toEqual({
      bytes: JSON.stringify(document).length,
      blobs: [
        { digest: A, size: 10 },
        { digest: B, size: 20 },
      ],
    });
    expect(of({ blobs: [{ digest: B, size: 20 }] })?.blobs).toEqual([{ digest: B, size: 20 }]);
    expect(of({ manifests: [] })?.blobs).toEqual([]);
  });

  test('is not a layer that clients fetch from elsewhere', () => {
    const layers = [{ digest: B, size: 20, urls: ['https://example.com/layer'] }];
    expect(of({ config: { digest: A, size: 10 }, layers })?.blobs).toEqual([{ digest: A, size: 10 }]);
  });

  test.each([
    {},
    { fsLayers: [{ blobSum: A }] },
    { layers: [{ digest: A }] },
    { layers: [{ digest: A, size: -1 }] },
    { layers: [{ digest: A, size: 1e300 }] },
    { layers: [{ digest: 'sha256:0', size: 1 }] },
    { layers: [null] },
    { layers: 'none' },
    { config: A, layers: [] },
    { layers: Array.from({ length: 2001 }, (_, n) => ({ digest: digestOf(String(n)), size: 1 })) },
  ])('is not known of %j', (document) => expect(of(document)).toBeUndefined());
});
