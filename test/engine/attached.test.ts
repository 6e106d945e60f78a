import { describe, expect, test } from 'vitest';
import type { Faults } from '../../src/dev/emulator/index.ts';
import { type Built, image, index } from '../../src/dev/emulator/manifests.ts';
import { attachedIn } from '../../src/engine/findings/attached.ts';
import { attachedReports } from '../../src/engine/findings/findings.ts';
import { newLostTime } from '../../src/engine/lost-time.ts';
import { systemClock } from '../../src/registry/clock.ts';
import type { ContentReader } from '../../src/registry/content.ts';
import { RegistryError, StoppedError } from '../../src/registry/errors.ts';
import type { ManifestListing, ManifestRecord } from '../../src/registry/types.ts';
import { dryRun, hasFailed, type Ledger, readOnly } from '../../src/index.ts';
import { LARGEST_REPORT } from '../../src/evidence/reports/report.ts';
import { repositoryOf, type Stored } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { attach, attachAll, type Attachment, grypeOf, manifestOf, sample, sampleOf } from '../support/reports.ts';
import { connectTo, policyOf, run, withEmulator } from '../support/registry.ts';

const app = image('app');
const other = image('other');
const GIVEN = ['--filter', 'app:old', '--ago', '30d', '--untagged', '--dry-run'];
const findings = { sources: [attachedReports] };

interface Scene {
  readonly attached?: readonly Attachment[];
  readonly stored?: readonly Stored[];
  readonly faults?: Faults;
  readonly ledger?: Ledger;
  readonly given?: readonly string[];
  readonly runs?: number;
}

/** Runs at a repository whose image `app` has these reports; what the last run said of it, and what it read for that. */
async function seen({ attached = [], stored = [], faults, ledger = newLedger(), given = GIVEN, runs = 1 }: Scene) {
  const repository = repositoryOf(
    { built: app, days: 90, tags: ['app'] },
    { built: other, days: 90, tags: ['other'] },
    ...stored,
    ...attached.map(({ built, days = 1, tags }) => ({ built, days, ...(tags && { tags }) })),
  );
  const repositories = { app: { ...repository, blobs: attached.flatMap(({ blobs }) => blobs) } };
  return withEmulator({ repositories, ...(faults && { faults }) }, async (emulator) => {
    let [before, decided] = [0, await run(emulator, given, undefined, ledger, { findings })];
    for (let n = 1; n < runs; n += 1) {
      before = emulator.requests().length;
      decided = await run(emulator, given, undefined, ledger, { findings });
    }
    const { summary, decisions } = decided;
    const of = (built: Built) =>
      decisions.find(({ digest, kind }) => digest === built.digest && kind === 'manifest')?.findings;
    const asked = emulator.requests().slice(before);
    const [record] = (await ledger.run(summary.runId))?.findings ?? [];
    return {
      of,
      app: of(app),
      failed: summary.repositories.some(hasFailed),
      record,
      blobs: asked.filter(({ kind }) => kind === 'read-blob').length,
      read: asked.filter(
        ({ kind, path }) => kind === 'read-manifest' && attached.some(({ built }) => path.endsWith(built.digest)),
      ).length,
    };
  });
}

describe('what is attached is found out', () => {
  const trivy = { bySeverity: { critical: 1, high: 1, medium: 1, low: 2, unknown: 1 } };
  const grype = { bySeverity: { critical: 1, high: 2, medium: 2, negligible: 1, unknown: 1 } };
  test.each<[string, string, object]>([
    ['trivy.json', 'application/vnd.example.trivy+json', { scan: { by: 'trivy', ...trivy }, packages: 5 }],
    ['trivy.sarif.json', 'application/sarif+json', { scan: { by: 'sarif', ...trivy } }],
    ['trivy.cyclonedx.json', 'application/vnd.cyclonedx+json', { scan: { by: 'cyclonedx', ...trivy }, packages: 5 }],
    [
      'trivy.cosign-vuln.statement.json',
      'application/vnd.in-toto+json',
      { scan: { by: 'trivy', ...trivy }, packages: 5 },
    ],
    ['trivy.spdx.json', 'application/spdx+json', { packages: 5 }],
    ['grype.json', 'application/json', { scan: { by: 'grype', ...grype } }],
    ['grype.sarif.json', 'application/sarif+json', { scan: { by: 'sarif' } }],
    ['grype.cyclonedx.json', 'application/vnd.cyclonedx+json', { scan: { by: 'cyclonedx', ...grype } }],
  ])('%s', async (name, type, said) => {
    const found = await seen({ attached: [attach(app, { type, text: sampleOf(app, name) })] });
    expect(found.app).toMatchObject(said);
    expect(found.of(other)).toEqual({});
    expect(found.record).toMatchObject({ source: 'referrers', complete: true, images: 'scan' in said ? 1 : 0 });
  });

  test('a run that deletes knows the same', async () => {
    const given = ['--filter', 'app:old', '--ago', '30d', '--untagged'];
    const found = await seen({ attached: [attach(app, { type: 'application/json', text: grypeOf(3) })], given });
    expect(found.app).toMatchObject({ scan: { bySeverity: { high: 3 } } });
  });

  test('every format at once is read once, and not again', async () => {
    const all = await seen({ attached: attachAll(app) });
    expect([all.read, all.blobs]).toEqual([attachAll(app).length, attachAll(app).length]);
    const again = await seen({ attached: attachAll(app), runs: 2 });
    expect([again.read, again.blobs]).toEqual([0, 0]);
    expect(again.app?.scan?.bySeverity).toEqual(all.app?.scan?.bySeverity);
    expect(again.record).toEqual({ ...all.record, observedAt: again.record?.observedAt });
  });

  test('a dry run of several commands forgets nothing of what the first would delete', async () => {
    const attached = attachAll(app);
    const ledger = newLedger();
    const tagged = repositoryOf(
      { built: app, days: 90, tags: ['old'] },
      { built: other, days: 90, tags: ['other'] },
      ...attached.map(({ built }) => ({ built, days: 90 })),
    );
    const repositories = { app: { ...tagged, blobs: attached.flatMap(({ blobs }) => blobs) } };
    await withEmulator({ repositories }, async (emulator) => {
      const policies = ['old', 'other'].map((name) =>
        policyOf(['--filter', `app:^${name}$`, '--ago', '30d', '--untagged', '--dry-run']),
      );
      const now = new Date(emulator.start.getTime() + 1);
      const about = { policies, ledger, findings, now, onDecisions: () => undefined };
      const read = async (): Promise<number> => {
        const before = emulator.requests().length;
        await dryRun(readOnly(connectTo(emulator)), about);
        return emulator
          .requests()
          .slice(before)
          .filter(({ kind }) => kind === 'read-blob').length;
      };
      expect([await read(), await read()]).toEqual([attached.length, 0]);
    });
  });

  test('cosign attaches to a tag', async () => {
    const built = manifestOf({
      layers: [{ mediaType: 'application/vnd.dsse.envelope.v1+json', text: envelope(grypeOf(2)) }],
    });
    const tags = [`${app.digest.replace(':', '-')}.att`];
    const found = await seen({ attached: [{ ...built, tags }] });
    expect(found.app).toMatchObject({ scan: { by: 'grype', bySeverity: { high: 2 } } });
  });

  test('an index that is attached to is an image, too', async () => {
    const built = index([{ ...app, os: 'linux', architecture: 'amd64' }]);
    const stored = [{ built, days: 5, tags: ['multi'] }];
    const attached = [attach(built, { type: 'application/json', text: grypeOf(4) })];
    const found = await seen({ stored, attached });
    expect(found.of(built)).toMatchObject({ scan: { bySeverity: { high: 4 } } });
  });
});

function envelope(text: string): string {
  const predicate = { scanner: { result: JSON.parse(text) as unknown } };
  const subject = [{ name: 'app', digest: { sha256: app.digest.slice('sha256:'.length) } }];
  const statement = { predicateType: 'https://cosign.sigstore.dev/attestation/vuln/v1', predicate, subject };
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  return JSON.stringify({ payloadType: 'application/vnd.in-toto+json', payload, signatures: [] });
}

describe('the newest counts', () => {
  const json = 'application/json';
  test.each<[string, readonly Attachment[], number, string | undefined]>([
    [
      'by the annotation',
      [
        attach(app, { type: json, text: grypeOf(1), created: '2026-01-01T00:00:00Z', days: 1 }),
        attach(app, { type: json, text: grypeOf(2), created: '2026-02-01T00:00:00Z', days: 9 }),
      ],
      2,
      '2026-02-01T00:00:00.000Z',
    ],
    [
      'else by the time of the report',
      [
        attach(app, { type: json, text: grypeOf(1, '2026-03-02T00:00:00+01:00'), days: 9 }),
        attach(app, { type: json, text: grypeOf(2, '2026-03-01T00:00:00Z'), days: 1 }),
      ],
      1,
      '2026-03-01T23:00:00.000Z',
    ],
    [
      'else by the push',
      [attach(app, { type: json, text: grypeOf(1), days: 2 }), attach(app, { type: json, text: grypeOf(2), days: 1 })],
      2,
      undefined,
    ],
    [
      'a time to come is not believed',
      [
        attach(app, { type: json, text: grypeOf(1), created: '2999-01-01T00:00:00Z', days: 4 }),
        attach(app, { type: json, text: grypeOf(2), days: 1 }),
      ],
      2,
      undefined,
    ],
    [
      'whatever its form',
      [
        attach(app, {
          type: 'application/sarif+json',
          text: sample('trivy.sarif.json').toString(),
          created: '2026-01-01T00:00:00Z',
        }),
        attach(app, { type: json, text: grypeOf(2), created: '2026-01-02T00:00:00Z' }),
      ],
      2,
      '2026-01-02T00:00:00.000Z',
    ],
  ])('%s', async (_, attached, high, at) => {
    const { app: found } = await seen({ attached });
    expect(found?.scan?.bySeverity).toEqual({ high });
    if (at !== undefined) expect(found?.scan?.at).toBe(at);
    // To the second: the registry says when it was pushed.
    else expect(found?.scan?.at).toMatch(/^2\d{3}-\d\d-\d\dT/);
  });

  test('of many of one type only the newest are read, and an older one once these are gone', async () => {
    const attached = Array.from({ length: 9 }, (_, n) =>
      attach(app, { type: json, text: grypeOf(n + 1), days: 20 - n }),
    );
    const ledger = newLedger();
    const first = await seen({ attached, ledger });
    expect([first.blobs, first.app?.scan?.bySeverity]).toEqual([3, { high: 9 }]);
    const later = await seen({ attached: attached.slice(0, 5), ledger });
    expect([later.blobs, later.app?.scan?.bySeverity]).toEqual([3, { high: 5 }]);
  });
});

describe('what cannot be read is not scanned, and said', () => {
  const sarif = 'application/sarif+json';
  test.each<[string, Attachment, string]>([
    ['damaged', attach(app, { type: sarif, text: '{"runs":' }), 'it is not JSON'],
    ['another thing', attach(app, { type: sarif, text: '{}' }), 'it is of no format that is known here'],
  ])('%s', async (_, attachment, why) => {
    const found = await seen({ attached: [attachment], runs: 2 });
    expect(found).toMatchObject({ app: {}, failed: false, blobs: 0 });
    expect(found.record).toMatchObject({ complete: false, problems: [`app@${attachment.built.digest}: ${why}`] });
  });

  test('damaged, and another since: only the later one counts', async () => {
    const damaged = (days: number) => attach(app, { type: sarif, text: '{"runs":', days });
    const good = (days: number) => attach(app, { type: 'application/json', text: grypeOf(1), days });
    const mended = await seen({ attached: [damaged(5), good(2)] });
    expect(mended).toMatchObject({ app: { scan: { bySeverity: { high: 1 } } }, record: { complete: true } });
    const broken = await seen({ attached: [good(5), damaged(2)] });
    expect(broken).toMatchObject({ app: { scan: { bySeverity: { high: 1 } } }, record: { complete: false } });
  });

  test('called too large: it is not even asked for', async () => {
    const large = attach(app, { type: sarif, text: '{}', size: LARGEST_REPORT + 1 });
    const found = await seen({ attached: [large] });
    expect(found).toMatchObject({ app: {}, blobs: 0, record: { complete: false } });
  });

  test('larger than it is called: it is not read on', async () => {
    const large = attach(app, { type: sarif, text: ' '.repeat(LARGEST_REPORT + 1), size: 2 });
    const found = await seen({ attached: [large] });
    expect(found.app).toEqual({});
    expect(found.record?.problems).toEqual([expect.stringContaining(`larger than ${LARGEST_REPORT} bytes`)]);
  });

  test('its content is not there', async () => {
    const { built } = attach(app, { type: sarif, text: '{}' });
    const found = await seen({ attached: [{ built, blobs: [] }] });
    expect(found).toMatchObject({ app: {}, failed: false });
    expect(found.record?.problems).toEqual([expect.stringContaining('the registry does not find its report')]);
  });

  test('what is JSON and no report is no problem', async () => {
    const found = await seen({
      attached: [attach(app, { type: 'application/json', text: '{"tests":"passed"}' })],
      runs: 2,
    });
    expect(found).toMatchObject({ app: {}, blobs: 0, read: 0, record: { complete: true } });
  });

  test.each([403, 401, 500])('the registry answers %i', async (status) => {
    const ledger = newLedger();
    const attached = [attach(app, { type: sarif, text: sample('grype.sarif.json').toString() })];
    const faults: Faults = { failing: ({ kind }) => (kind === 'read-blob' ? status : undefined) };
    const found = await seen({ attached, faults, ledger });
    expect(found).toMatchObject({ app: {}, failed: false, record: { complete: false } });
    // It is not remembered that it could not be read.
    const later = await seen({ attached, ledger });
    expect(later).toMatchObject({ app: { scan: { by: 'sarif' } }, record: { complete: true } });
  });

  test('the registry is busy for a while: it is waited for', async () => {
    let busy = 2;
    const faults: Faults = { failing: ({ kind }) => (kind === 'read-blob' && (busy -= 1) >= 0 ? 429 : undefined) };
    const found = await seen({
      attached: [attach(app, { type: sarif, text: sample('grype.sarif.json').toString() })],
      faults,
    });
    expect(found).toMatchObject({ app: { scan: { by: 'sarif' } }, failed: false, record: { complete: true } });
  });

  test('who may not read one is not asked for the rest', async () => {
    const attached = Array.from({ length: 40 }, (_, n) =>
      attach(n % 2 === 0 ? app : other, { type: `application/vnd.example.${n}+json`, text: grypeOf(n + 1) }),
    );
    const faults: Faults = { failing: ({ kind }) => (kind === 'read-blob' ? 403 : undefined) };
    const found = await seen({ attached, faults });
    expect(found.blobs).toBeLessThan(8);
    expect(found.record?.problems?.at(-1)).toMatch(/were not tried; the next run reads on$/);
  });
});

describe('besides', () => {
  const lifecycle = (date: string, days: number, created?: string): Attachment =>
    manifestOf({
      subject: app,
      artifactType: 'application/vnd.microsoft.artifact.lifecycle',
      annotations: {
        'vnd.microsoft.artifact.lifecycle.end-of-life.date': date,
        ...(created !== undefined && { 'org.opencontainers.image.created': created }),
      },
      days,
    });

  test.each([
    ['2026-03-04', '2026-03-04'],
    ['2024-05-12T21:15:10.8343521Z', '2024-05-12'],
    ['2024-05-12T23:30:00-05:00', '2024-05-13'],
    ['soon', undefined],
    ['2026-13-40', undefined],
  ])('the end of life: %s', async (date, day) => {
    const found = await seen({ attached: [lifecycle(date, 1)], runs: 2 });
    expect(found).toMatchObject({ read: 0, record: { complete: true, images: 0 } });
    expect(found.app?.endOfLife).toBe(day);
  });

  test('of two the newer', async () => {
    const found = await seen({ attached: [lifecycle('2026-01-01', 9), lifecycle('2027-01-01', 1)] });
    expect(found.app?.endOfLife).toBe('2027-01-01');
  });

  const BASE = 'org.opencontainers.image.base.name';
  const based = (name: string) => manifestOf({ annotations: { [BASE]: name }, runnable: true }).built;

  test('the image that one was built from, where it was scanned, read once', async () => {
    const built = based('mcr.example/dotnet/aspnet:8.0');
    const unscanned = based('mcr.example/other:1');
    const stored = [built, unscanned].map((one) => ({ built: one, days: 3, tags: [one.digest.slice(7, 20)] }));
    const attached = [attach(built, { type: 'application/json', text: grypeOf(1) })];
    const found = await seen({ stored, attached });
    expect(found.of(built)?.base).toBe('mcr.example/dotnet/aspnet:8.0');
    expect(found.of(unscanned)).toEqual({});
  });

  test('or the index over it', async () => {
    const annotations = { [BASE]: 'mcr.example/dotnet/aspnet:8.0' };
    const built = index([{ ...app, os: 'linux', architecture: 'amd64' }], { annotations });
    const stored = [{ built, days: 3, tags: ['multi'] }];
    const found = await seen({
      stored,
      attached: [attach(app, { type: 'application/json', text: grypeOf(1) })],
      runs: 2,
    });
    expect(found.app?.base).toBe('mcr.example/dotnet/aspnet:8.0');
  });

  test.each(['<b>x</b>', 'a b', '-x', 'x'.repeat(300), ''])('a name that is none is passed over: %s', async (name) => {
    const built = based(name);
    const stored = [{ built, days: 3, tags: ['based'] }];
    const found = await seen({ stored, attached: [attach(built, { type: 'application/json', text: grypeOf(1) })] });
    expect(found.of(built)).toMatchObject({ scan: { bySeverity: { high: 1 } } });
    expect(found.of(built)?.base).toBeUndefined();
  });
});

describe('the content of a registry, call by call', () => {
  const type = 'application/sarif+json';
  const { built, blobs } = attach(app, { type, text: sample('grype.sarif.json').toString() });
  const listing: ManifestListing = {
    byDigest: new Map(
      [app, built].map(({ digest, mediaType }) => [digest, recordOf(digest, mediaType, digest === app.digest)]),
    ),
    newest: undefined,
  };
  const manifest: ContentReader['manifest'] = (_, reference) =>
    Promise.resolve({ digest: reference, mediaType: built.mediaType, bytes: Buffer.from(built.body) });
  const bytes = Buffer.from(blobs[0] ?? '');

  function scene(content: Partial<Pick<ContentReader, 'manifest' | 'blob'>>, signal = new AbortController().signal) {
    const ledger = newLedger();
    const file = ledger.reportCache('r.example', 'app');
    const blob: ContentReader['blob'] = () => Promise.resolve({ size: bytes.length, stream: streamOf(bytes) });
    const lostTime = newLostTime(systemClock);
    const given = { content: { manifest, blob, ...content }, repository: 'app', listing, file, lostTime };
    return { file, attached: attachedIn({ ...given, now: new Date('2026-11-30T00:00:00Z'), signal }) };
  }

  test('as it should be', async () => {
    const { attached } = scene({});
    const found = await attached.findings();
    expect(found.images.get(app.digest)).toMatchObject({ scan: { by: 'sarif' } });
    expect(found.doubtOf(app.digest)).toEqual({});
    expect(attached.problems()).toEqual([]);
  });

  test('what is not what its digest names is not believed, and not remembered', async () => {
    async function* wrong(): AsyncGenerator<Uint8Array, void> {
      yield* streamOf(bytes);
      throw new RegistryError('read the blob', { message: 'what came is not what the digest names' });
    }
    const { attached, file } = scene({ blob: () => Promise.resolve({ size: bytes.length, stream: wrong() }) });
    expect((await attached.findings()).images).toEqual(new Map([[app.digest, {}]]));
    expect(attached.problems()).toEqual([expect.stringContaining('not what the digest names')]);
    await attached.save();
    const lines = (await Array.fromAsync(file.read())).flat();
    expect(lines.find((line) => line.includes(built.digest))).toContain('"unread":true');
  });

  test('a run that is stopped ends at once, and what was read is remembered', async () => {
    const stop = new AbortController();
    const { attached, file } = scene(
      {
        blob: () => {
          stop.abort();
          return Promise.reject(new StoppedError('read the blob'));
        },
      },
      stop.signal,
    );
    await expect(attached.findings()).rejects.toThrow(StoppedError);
    await attached.save();
    expect((await Array.fromAsync(file.read())).flat().join('\n')).toContain(built.digest);
  });

  test('what is remembered and damaged is read again', async () => {
    const { attached, file } = scene({});
    const before = await attached.findings();
    await attached.save();
    const lines = (await Array.fromAsync(file.read())).flat();
    await file.write(lines.map((line): unknown => JSON.parse(line.replace('"high":2', '"high":0'))));
    let calls = 0;
    const counted: ContentReader['manifest'] = (...asked) => {
      calls += 1;
      return manifest(...asked);
    };
    const blob: ContentReader['blob'] = () => Promise.resolve({ size: bytes.length, stream: streamOf(bytes) });
    const given = {
      content: { manifest: counted, blob },
      repository: 'app',
      listing,
      file,
      lostTime: newLostTime(systemClock),
    };
    const again = attachedIn({ ...given, now: new Date('2026-11-30T00:00:00Z'), signal: new AbortController().signal });
    expect((await again.findings()).images).toEqual(before.images);
    expect(calls).toBe(1);
  });
});

function recordOf(digest: string, mediaType: string, isImage: boolean): ManifestRecord {
  const nothing = { size: undefined, created: undefined, lastUpdated: undefined, locked: false, tags: [] };
  return { ...nothing, digest, mediaType, kind: 'image', mayRefer: true, looksRunnable: isImage };
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
