import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import type { Emulator, RepositoryState } from '../../../src/dev/emulator/index.ts';
import { imageOfSignatureTag } from '../../../src/planner/tags.ts';
import { convert } from '../../../src/policy/convert.ts';
import { InvalidPolicy } from '../../../src/policy/errors.ts';
import { parsePolicyFile } from '../../../src/policy/file/parse.ts';
import { createPolicy, type PurgePolicy } from '../../../src/policy/purge-policy.ts';
import { repository } from '../../support/random-registry.ts';
import { policyOf, reference, run, withEmulator } from '../../support/registry.ts';

/*
 * A policy file that was converted deletes the tags that the flags delete, and no other: in random registries.
 */

const flags = fc
  .record({
    filters: fc.constantFrom(
      ['.*:.*'],
      ['app:^dev'],
      ['app:^(?!v)'],
      ['app:dev', 'app:pr'],
      ['ap.:v', '.*:^pr'],
      ['app|x:0$'],
    ),
    ago: fc.constantFrom('0d', '3d', '8d'),
    more: fc.constantFrom([], ['--protect', '**:*-0'], ['--protect', 'app:v*'], ['--keep-at-least', '1']),
    untagged: fc.constantFrom([], ['--untagged'], ['--untagged']),
  })
  .map(({ filters, ago, more, untagged }) => [
    ...filters.flatMap((filter) => ['--filter', filter]),
    '--ago',
    ago,
    ...more,
    ...untagged,
    '--dry-run',
  ]);

/**
 * Signature tags follow their image in a policy file, and so does an index that refers to it: that they do not by flags is
 * said, and not compared.
 */
const unsigned = repository
  .map(({ tags, ...rest }) => ({
    ...rest,
    tags: tags.filter(({ name }) => imageOfSignatureTag(name) === undefined),
  }))
  .filter(({ manifests }) =>
    manifests.every(({ body }) => {
      const { subject, manifests: parts } = JSON.parse(body) as Document;
      return subject === undefined || parts === undefined;
    }),
  );

/** The policy of a text; undefined where nothing is left in it that deletes. */
function policyIn(text: string): PurgePolicy | undefined {
  try {
    return createPolicy({ file: { name: 'p.yaml', retention: parsePolicyFile(text) }, dryRun: true });
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidPolicy);
    expect((error as Error).message).toBe(
      `policy:${String(text.split('\n').indexOf('version: 1') + 1)}:1: the policy: deletes nothing, because it has neither rules nor untagged`,
    );
    expect(text).toContain('Left out: ');
    return undefined;
  }
}

/** What goes with tags and images that are deleted: images without a tag, their parts, and what refers to them. */
function goneAlong(
  name: string,
  { manifests, tags }: RepositoryState,
  { byPolicy, byFlags }: Readonly<Record<'byPolicy' | 'byFlags', ReadonlySet<string>>>,
): ReadonlySet<string> {
  const gone = new Set([...byFlags].flatMap((one) => (one.startsWith(`${name}@`) ? [one.slice(name.length + 1)] : [])));
  const images = manifests.map(({ body }) => ({ digest: digestOf(body), document: JSON.parse(body) as Document }));
  for (const { digest } of images) {
    const own = tags.filter((tag) => tag.digest === digest);
    if (own.length > 0 && own.every((tag) => byPolicy.has(`${name}:${tag.name}`))) gone.add(digest);
  }
  for (let before = -1; before < gone.size;) {
    before = gone.size;
    for (const { digest, document } of images) {
      if (gone.has(digest)) for (const child of document.manifests ?? []) gone.add(child.digest);
      if (gone.has(document.subject?.digest ?? '')) gone.add(digest);
      // It may have been kept for the sake of what refers to it.
      if (gone.has(digest) && document.subject) gone.add(document.subject.digest);
    }
  }
  return gone;
}

interface Document {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly subject?: { readonly digest: string };
}

test('a policy file deletes the tags that its flags delete, and no others', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(unsigned, unsigned, flags, async (app, other, args) => {
      const command = policyOf(args);
      const text = convert([command]);
      const policy = policyIn(text);
      if (!policy) return;
      await withEmulator({ repositories: { app, other } }, async (emulator) => {
        const deletedBy = async (given: PurgePolicy): Promise<ReadonlySet<string>> => {
          const { decisions } = await run(emulator, given);
          return new Set(decisions.filter(({ action }) => action === 'delete').map(reference));
        };
        const [byFlags, byPolicy] = [await deletedBy(command), await deletedBy(policy)];
        const tagsIn = (some: ReadonlySet<string>): readonly string[] =>
          [...some].filter((one) => !/@|:sha256-/.test(one)).sort();
        const wanted = tagsIn(byFlags);
        if (text.includes('Left out: ')) expect(wanted).toEqual(expect.arrayContaining([...tagsIn(byPolicy)]));
        else expect(tagsIn(byPolicy)).toEqual(wanted);
        compared += tagsIn(byPolicy).length;
        for (const [name, state] of Object.entries({ app, other })) {
          const along = goneAlong(name, state, { byPolicy, byFlags });
          const more = [...byPolicy].filter((one) => one.startsWith(`${name}@`) && !byFlags.has(one));
          expect(more.filter((one) => !along.has(one.slice(name.length + 1)))).toEqual([]);
        }
      });
    }),
    { numRuns: 70 },
  );
  expect(compared).toBeGreaterThan(0);
});

test('with --keep, too, where no two tags have one time and the filters are of the same repositories', async () => {
  const timed = unsigned.map(({ tags, ...rest }) => ({
    ...rest,
    tags: tags.map((tag, n) => ({ ...tag, age: tag.age + n * 60 })),
  }));
  const filters = fc.constantFrom(['.*:.*'], ['app:^dev'], ['app:dev', 'app:pr']);
  const rest = fc.constantFrom([], ['--untagged']);
  const deletedBy = async (emulator: Emulator, given: PurgePolicy): Promise<readonly string[]> => {
    const { decisions } = await run(emulator, given);
    return decisions
      .filter(({ action, kind }) => action === 'delete' && kind === 'tag')
      .map(reference)
      .toSorted();
  };
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(timed, filters, fc.integer({ min: 1, max: 3 }), rest, async (app, texts, keep, more) => {
      const given = texts.flatMap((text) => ['--filter', text]);
      const command = policyOf([...given, '--ago', '3d', '--keep', String(keep), ...more, '--dry-run']);
      const policy = policyIn(convert([command]));
      await withEmulator({ repositories: { app } }, async (emulator) => {
        const deleted = await deletedBy(emulator, command);
        expect(policy && (await deletedBy(emulator, policy))).toEqual(deleted);
        compared += deleted.length;
      });
    }),
    { numRuns: 70 },
  );
  expect(compared).toBeGreaterThan(0);
});

test('of several commands it deletes no tag that none of them deletes', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(unsigned, unsigned, flags, flags, async (app, other, one, two) => {
      const commands = [policyOf(one), policyOf(two)];
      const policy = policyIn(convert(commands));
      if (!policy) return;
      await withEmulator({ repositories: { app, other } }, async (emulator) => {
        const tagsBy = async (given: PurgePolicy): Promise<readonly string[]> =>
          (await run(emulator, given)).decisions
            .filter(({ action, kind }) => action === 'delete' && kind === 'tag')
            .map(reference);
        const byCommands = new Set((await Promise.all(commands.map(tagsBy))).flat());
        const byPolicy = await tagsBy(policy);
        expect(byPolicy.filter((tag) => !byCommands.has(tag))).toEqual([]);
        compared += byPolicy.length;
      });
    }),
    { numRuns: 40 },
  );
  expect(compared).toBeGreaterThan(0);
});
