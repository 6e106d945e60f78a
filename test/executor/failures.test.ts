import { describe, expect, test } from 'vitest';
import type { Call, Emulator, PushOptions, RegistryState } from '../../src/dev/emulator/index.ts';
import { image, index, referrer } from '../../src/dev/emulator/manifests.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { renderSummary } from '../../src/report/text.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { behindProxy } from '../support/proxy.ts';
import { reference, run, withEmulator, withServedEmulator } from '../support/registry.ts';

const UNTAGGED = ['--untagged-only', '--ago', '30d'];

const amd64 = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
const arm64 = { ...image('arm64'), architecture: 'arm64', os: 'linux' };
const inner = { ...index([arm64]), architecture: 'any', os: 'linux' };
const outer = index([amd64, inner]);
const multiArch = repositoryOf(...[amd64, arm64, inner, outer].map((built) => ({ built, days: 90 })), {
  built: image('stray'),
  days: 90,
});

function outcomes(decisions: readonly Decision[]): Readonly<Record<string, string>> {
  return Object.fromEntries(decisions.map((one) => [reference(one), one.action === 'keep' ? 'kept' : one.outcome]));
}

function deletionOf(digest: string, status: number): (call: Call) => number | undefined {
  return ({ kind, path }) =>
    kind === 'delete-manifest' && decodeURIComponent(path).includes(digest) ? status : undefined;
}

describe('an index that cannot be deleted keeps its children', () => {
  test.each([
    ['refused', 405],
    ['failed', 500],
  ])('%s (%i)', async (outcome, status) => {
    await withEmulator({ repositories: { app: multiArch } }, async (emulator) => {
      emulator.faults({ failing: deletionOf(outer.digest, status) });
      const { decisions, summary } = await run(emulator, UNTAGGED);
      expect(outcomes(decisions)).toEqual({
        [`app@${outer.digest}`]: outcome,
        [`app@${inner.digest}`]: 'not-attempted',
        [`app@${amd64.digest}`]: 'not-attempted',
        [`app@${arm64.digest}`]: 'not-attempted',
        [`app@${image('stray').digest}`]: 'deleted',
      });
      expect(emulator.manifestsLeft()).toHaveLength(4);
      expect(summary.succeeded).toBe(false);
      expect(summary.repositories[0]?.state).toBe('done');
      expect(summary.totals.manifests).toMatchObject({ failed: 1, notAttempted: 3 });
      expect(summary.failures).toHaveLength(1);
      const refused = decisions.find(({ digest }) => digest === outer.digest);
      expect(refused).toMatchObject({
        error: { status, correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown },
      });
      // And once it can, they are deleted.
      emulator.faults({});
      await run(emulator, UNTAGGED);
      expect(emulator.manifestsLeft()).toEqual([]);
    });
  });

  test('down to the last level: what the inner index needs is kept with it', async () => {
    await withEmulator({ repositories: { app: multiArch } }, async (emulator) => {
      emulator.faults({ failing: deletionOf(inner.digest, 405) });
      expect(outcomes((await run(emulator, UNTAGGED)).decisions)).toEqual({
        [`app@${outer.digest}`]: 'deleted',
        [`app@${inner.digest}`]: 'refused',
        [`app@${amd64.digest}`]: 'deleted',
        [`app@${arm64.digest}`]: 'not-attempted',
        [`app@${image('stray').digest}`]: 'deleted',
      });
    });
  });
});

test('the signature of an image that cannot be deleted is kept with it', async () => {
  const signed = image('signed');
  const signature = `${signed.digest.replace(':', '-')}.sig`;
  const repositories = {
    app: repositoryOf({ built: signed, days: 90 }, { built: image('signature'), days: 90, tags: [signature] }),
  };
  await withEmulator({ repositories }, async (emulator) => {
    emulator.faults({ failing: deletionOf(signed.digest, 405) });
    const { decisions } = await run(emulator, ['--filter', 'app:^sha256-', '--ago', '30d', '--untagged']);
    expect(outcomes(decisions)).toEqual({
      [`app@${signed.digest}`]: 'refused',
      [`app@${image('signature').digest}`]: 'not-attempted',
      [`app:${signature}`]: 'not-attempted',
    });
    expect(emulator.tagsLeft()).toEqual([`app:${signature}`]);
  });
});

describe('where deleting is not allowed (403), it is soon given up in that repository, and not in the others', () => {
  const repositories: RegistryState = {
    app: repositoryOf(...images('app', 80, 'dev')),
    other: repositoryOf(...images('other', 3, 'dev')),
  };

  test.each([
    ['tags', 'delete-tag', []],
    ['manifests', 'delete-manifest', ['--untagged']],
  ] as const)('%s', async (_, denied, more) => {
    await withEmulator({ repositories }, async (emulator) => {
      emulator.faults({
        failing: ({ kind, repository }) => (kind === denied && repository === 'app' ? 403 : undefined),
      });
      const { decisions, summary } = await run(emulator, ['--filter', '.*:dev', '--ago', '30d', ...more]);
      const became = decisions.filter(({ repository, kind }) => repository === 'app' && denied.endsWith(kind));
      const attempted = became.filter((one) => one.action === 'delete' && one.outcome === 'refused');
      const given = became.filter((one) => one.action === 'delete' && one.outcome === 'not-attempted');
      expect(attempted.length + given.length).toBe(80);
      expect(attempted.length).toBe(3);
      expect(attempted.length).toBe(emulator.requests().filter(({ status }) => status === 403).length);
      expect(given[0]).toMatchObject({ error: { message: expect.stringContaining('not allowed') as unknown } });
      expect(emulator.tagsLeft()).toHaveLength(80);
      expect(summary.succeeded).toBe(false);
      // Said once, with the number and the role.
      const count = decisions.filter((one) => one.repository === 'app' && one.action === 'delete').length;
      expect(summary.warnings.filter((warning) => warning.includes('AcrDelete'))).toEqual([
        expect.stringMatching(
          `may not delete, so ${count} artifacts are not deleted \\(app\\).*Container Registry Repository Contributor`,
        ),
      ]);
      expect(summary.failures).toHaveLength(1);
      expect(renderSummary(summary)).not.toMatch(/NOT ATTEMPTED|more failures/);
      expect(
        decisions.filter(({ repository }) => repository === 'other').map((one) => 'outcome' in one && one.outcome),
      ).toEqual(Array(more.length > 0 ? 6 : 3).fill('deleted'));
    });
  });
});

test('where looking is not allowed (403), nothing is deleted, and the role is named once', async () => {
  const repositories: RegistryState = { app: repositoryOf(...images('app', 80, 'dev')) };
  await withEmulator({ repositories }, async (emulator) => {
    let listings = 0;
    emulator.faults({ failing: ({ kind }) => (kind === 'list-tags' && ++listings > 1 ? 403 : undefined) });
    const { summary } = await run(emulator, ['--filter', '.*:dev', '--ago', '30d']);
    expect(listings).toBe(2);
    expect(emulator.tagsLeft()).toHaveLength(80);
    expect(summary.warnings.filter((warning) => warning.includes('AcrPull'))).toEqual([
      expect.stringMatching(/may not read, so 80 artifacts are not deleted .app.*Container Registry Repository Reader/),
    ]);
    expect(summary.succeeded).toBe(false);
  });
});

describe('what is there again after a deletion that was not answered may have been deleted, and that is said', () => {
  const dev = image('dev');
  const repositories = { app: repositoryOf({ built: dev, days: 90, tags: ['dev'] }) };
  const args = ['--filter', 'app:dev', '--ago', '30d'];
  const inDoubt = 'it is not known whether it was deleted: it was pushed again';

  test.each([
    ['a tag, answered with 503', [], 503],
    ['a tag, not answered', [], 'drop'],
    ['a manifest, answered with 503', ['--untagged'], 503],
    ['a manifest, not answered', ['--untagged'], 'drop'],
  ] as const)('%s', async (_, more, answer) => {
    await withEmulator({ repositories }, async (emulator) => {
      let deletions = 0;
      emulator.faults({
        failing({ kind }) {
          if (!kind.startsWith('delete-')) return undefined;
          deletions += 1;
          // The registry deletes it, and another client pushes the same bytes under the same tag.
          emulator.remove('app', dev.digest);
          emulator.push('app', dev.body, { tag: 'dev' });
          return answer;
        },
      });
      const { decisions, summary } = await run(emulator, [...args, ...more]);
      expect(deletions).toBe(1);
      expect(summary.succeeded).toBe(false);
      const deleted = decisions.filter(({ action }) => action === 'delete');
      expect(deleted.map(reference)).toEqual(more.length > 0 ? ['app:dev', `app@${dev.digest}`] : ['app:dev']);
      for (const one of deleted)
        expect(one).toMatchObject({
          outcome: 'failed',
          error: { message: expect.stringContaining(inDoubt) as string },
        });
    });
  });
});

describe('where the registry does not take referrers along with their subject', () => {
  const subject = image('subject');
  const sbom = referrer(subject, 'application/spdx+json', 'sbom');
  const signature = referrer(sbom, 'application/vnd.cncf.notary.signature', 'signature');
  const repositories = { app: repositoryOf(...[subject, sbom, signature].map((built) => ({ built, days: 90 }))) };

  test('they are deleted by name', async () => {
    await withServedEmulator({ repositories }, (emulator) => {
      const gone = new Set<string>();
      return behindProxy(
        emulator,
        ({ method, path }) => {
          // The emulator takes referrers along: they are put back before the client has its answer.
          if (method === 'DELETE') gone.add(/sha256:[0-9a-f]+/.exec(decodeURIComponent(path))?.[0] ?? '');
          for (const { digest, body } of gone.size > 0 ? [sbom, signature] : [])
            if (!gone.has(digest)) emulator.push('app', body, { age: 90 * 86_400 });
          return undefined;
        },
        async (proxy) => {
          const { decisions, summary } = await run(proxy, UNTAGGED);
          expect(emulator.manifestsLeft()).toEqual([]);
          expect(summary.succeeded).toBe(true);
          expect(Object.values(outcomes(decisions))).toEqual(['deleted', 'deleted', 'deleted']);
          expect(gone).toEqual(new Set([subject, sbom, signature].map(({ digest }) => digest)));
        },
      );
    });
  });

  /** Puts a referrer back when its subject is deleted, as if it had not gone along. */
  async function leaving(
    left: Partial<PushOptions>,
    test: (emulator: Emulator, proxy: Emulator) => Promise<void>,
  ): Promise<void> {
    const app = repositoryOf(
      { built: subject, days: 90 },
      { built: sbom, days: 90, ...(left.locked && { locked: left.locked }) },
    );
    await withServedEmulator({ repositories: { app } }, (emulator) =>
      behindProxy(
        emulator,
        ({ method, path }) => {
          if (method === 'DELETE' && decodeURIComponent(path).includes(subject.digest))
            emulator.push('app', sbom.body, { age: 90 * 86_400, ...left });
          return undefined;
        },
        (proxy) => test(emulator, proxy),
      ),
    );
  }

  test('a locked one is unlocked first where that is asked for', async () => {
    await leaving({ locked: { deleteEnabled: false } }, async (emulator, proxy) => {
      const { summary } = await run(proxy, [...UNTAGGED, '--include-locked']);
      expect(summary.failures).toEqual([]);
      expect(summary.totals.manifests).toMatchObject({ deleted: 2 });
      expect(emulator.manifestsLeft()).toEqual([]);
    });
  });

  test('one that was tagged meanwhile is kept', async () => {
    await leaving({ tag: 'sbom' }, async (emulator, proxy) => {
      const { decisions } = await run(proxy, UNTAGGED);
      expect(emulator.manifestsLeft()).toEqual([`app@${sbom.digest}`]);
      expect(decisions.find(({ digest }) => digest === sbom.digest)).toMatchObject({
        action: 'keep',
        reason: 'changed-since-plan',
        detail: expect.stringContaining('it is tagged sbom now') as unknown,
      });
    });
  });

  test('and where it does, they are not', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      await run(emulator, UNTAGGED);
      expect(emulator.manifestsLeft()).toEqual([]);
      expect(emulator.counts()['delete-manifest']).toBe(1);
    });
  });
});
