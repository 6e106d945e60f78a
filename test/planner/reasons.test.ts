import { describe, expect, test } from 'vitest';
import { summarize } from '../../src/ledger/summary.ts';
import { DELETE_REASONS, KEEP_REASONS, type Decision } from '../../src/planner/decision.ts';
import { plan } from '../../src/planner/plan.ts';
import type { Inventory, Rule } from '../../src/planner/types.ts';
import { kindOf, mayHaveSubject } from '../../src/registry/media-types.ts';
import { type Instant, toInstant } from '../../src/registry/time.ts';
import type { ManifestFacts, ManifestRecord, TagRecord } from '../../src/registry/types.ts';

const NOW = new Date('2026-11-24T00:00:00Z');
const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

/** A digest that shows its name. */
const d = (name: string): string => `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0')}`;

const daysAgo = (days: number): Instant => toInstant(new Date(NOW.getTime() - days * 86_400_000));

interface Thing {
  readonly name: string;
  readonly days?: number | undefined;
  readonly tags?: readonly (
    string | { readonly name: string; readonly days?: number | undefined; readonly locked?: boolean }
  )[];
  readonly type?: string | undefined;
  readonly locked?: boolean;
  readonly children?: readonly string[];
  readonly subject?: string;
  readonly state?: 'missing' | 'unreadable';
  /** Not in the listing. */
  readonly hidden?: boolean;
}

interface Planned {
  readonly decisions: readonly Decision[];
  /** What the planner asked for, in order. */
  readonly read: readonly string[];
  readonly asked: readonly string[];
}

/** Plans a repository, answering what the planner asks for. */
function planOf(things: readonly Thing[], rule: Partial<Rule> = {}): Planned {
  const records = things
    .filter(({ hidden }) => hidden !== true)
    .map((thing): ManifestRecord => {
      const mediaType = 'type' in thing ? thing.type : thing.children ? INDEX : IMAGE;
      return {
        digest: d(thing.name),
        mediaType,
        kind: kindOf(mediaType),
        mayRefer: mayHaveSubject(mediaType),
        looksRunnable: mediaType === IMAGE,
        size: 1,
        created: undefined,
        lastUpdated: 'days' in thing && thing.days === undefined ? undefined : daysAgo(thing.days ?? 40),
        locked: thing.locked ?? false,
        tags: (thing.tags ?? []).map((tag) => (typeof tag === 'string' ? tag : tag.name)),
      };
    });
  const tags = things.flatMap(({ name, tags: own = [], days = 40 }) =>
    own.map((tag): TagRecord => {
      const about = typeof tag === 'string' ? { name: tag } : tag;
      const age = 'days' in about ? about.days : days;
      return {
        name: about.name,
        digest: d(name),
        lastUpdated: age === undefined ? undefined : daysAgo(age),
        locked: about.locked ?? false,
      };
    }),
  );
  const facts = new Map<string, ManifestFacts>();
  const referrers = new Map<string, readonly string[]>();
  const read: string[] = [];
  const asked: string[] = [];
  const inventory: Inventory = {
    repository: 'app',
    tags,
    manifests: { byDigest: new Map(records.map((record) => [record.digest, record])), newest: undefined },
    facts,
    referrers,
    remembered: new Map(),
  };
  const full: Rule = {
    matches: tags.map(({ name }) => !name.startsWith('v')),
    filterOf: () => 'app:^(?!v)',
    cutOff: daysAgo(30),
    ago: '--ago 30d',
    now: NOW,
    keep: 0,
    untagged: true,
    includeLocked: false,
    preview: false,
    ...rule,
  };
  const thingOf = (digest: string): Thing | undefined => things.find(({ name }) => d(name) === digest);
  for (;;) {
    const planned = plan(inventory, full);
    if (planned.state === 'planned') return { decisions: [...planned.plan.decisions], read, asked };
    for (const digest of planned.manifests) {
      const thing = thingOf(digest);
      expect(facts.has(digest), 'nothing is read twice').toBe(false);
      read.push(thing?.name ?? digest);
      if (!thing || thing.state === 'missing') facts.set(digest, { state: 'missing' });
      else if (thing.state === 'unreadable') facts.set(digest, { state: 'unreadable', why: '403 DENIED' });
      else {
        const children = (thing.children ?? []).map((name) => ({
          digest: d(name),
          index: thingOf(d(name))?.children !== undefined,
        }));
        facts.set(digest, {
          state: 'read',
          children,
          subject: thing.subject === undefined ? undefined : d(thing.subject),
        });
      }
    }
    for (const digest of planned.referrers) {
      expect(referrers.has(digest), 'nothing is asked twice').toBe(false);
      asked.push(thingOf(digest)?.name ?? digest);
      referrers.set(
        digest,
        things.filter(({ subject }) => subject !== undefined && d(subject) === digest).map(({ name }) => d(name)),
      );
    }
  }
}

function decisionOn({ decisions }: Planned, name: string): Decision | undefined {
  return decisions.find(({ kind, tag, digest }) => (kind === 'tag' ? tag === name : digest === d(name)));
}

const CASES: Readonly<
  Record<string, { things: readonly Thing[]; rule?: Partial<Rule>; on: string; says: RegExp; beyond?: boolean }>
> = {
  'matched-and-expired': {
    things: [{ name: 'a', tags: ['dev'] }],
    on: 'dev',
    says: /matches "app:\^\(\?!v\)", and is 40 days old \(2026-10-15\), past --ago 30d/,
  },
  'untagged-and-expired': {
    things: [{ name: 'a', tags: ['dev'] }],
    on: 'a',
    says: /no tag left when dev is deleted, and is 40 days old .* nothing that is kept needs it/,
  },
  'referrer-of-deleted': {
    things: [{ name: 'a' }, { name: 'sbom', subject: 'a', days: 1 }],
    on: 'sbom',
    says: /which is deleted; the registry deletes it along/,
  },
  'too-young': { things: [{ name: 'a', days: 29 }], on: 'a', says: /29 days old \(2026-10-26\), not past --ago 30d/ },
  locked: {
    things: [{ name: 'a', tags: [{ name: 'dev', locked: true }] }],
    on: 'dev',
    says: /deleteEnabled or writeEnabled is false/,
  },
  'newest-kept': {
    things: [{ name: 'a', tags: ['dev'] }],
    rule: { keep: 1 },
    on: 'dev',
    says: /newest 1 of those \(--keep 1\)/,
  },
  'has-tags': { things: [{ name: 'a', tags: ['v1', 'v2', 'dev'] }], on: 'a', says: /^tagged v1, v2$/ },
  'child-of-kept-index': {
    things: [{ name: 'i', locked: true, tags: ['v1'], children: ['c'] }, { name: 'c' }],
    on: 'c',
    says: /\(tagged v1\) needs it, and is kept/,
    beyond: true,
  },
  'child-of-referrer': {
    things: [{ name: 'a' }, { name: 'i', subject: 'a', children: ['c'] }, { name: 'c' }],
    on: 'c',
    says: /the next run may delete it/,
  },
  'referrer-of-kept': {
    things: [{ name: 'a', tags: ['v1'] }, { name: 'i', subject: 'a', children: ['c'] }, { name: 'c' }],
    on: 'i',
    says: /\(tagged v1\), which is kept/,
    beyond: true,
  },
  'referrer-of-unlisted': {
    things: [{ name: 'sbom', subject: 'nowhere' }],
    on: 'sbom',
    says: /which is not listed here/,
  },
  'subject-of-kept': {
    things: [{ name: 'a' }, { name: 'sbom', subject: 'a', tags: ['v1-sbom'] }],
    on: 'a',
    says: /would also delete .* \(tagged v1-sbom\)/,
    beyond: true,
  },
  'signature-of-kept': {
    things: [
      { name: 'a', tags: ['v1'] },
      { name: 's', tags: [`${d('a').replace(':', '-')}.sig`] },
    ],
    on: `${d('a').replace(':', '-')}.sig`,
    says: /\(tagged v1\), which is kept/,
    beyond: true,
  },
  'not-selected': {
    things: [{ name: 'a' }, { name: 'sbom', subject: 'a', tags: ['v1-sbom'] }],
    on: 'v1-sbom',
    says: /acr purge deletes it along/,
    beyond: true,
  },
  'unknown-time': { things: [{ name: 'a', tags: [{ name: 'dev', days: undefined }] }], on: 'dev', says: /no time/ },
  'unknown-media-type': {
    things: [{ name: 'a', type: 'application/vnd.example' }],
    on: 'a',
    says: /application\/vnd\.example/,
    beyond: true,
  },
  unreadable: {
    things: [{ name: 'i', tags: ['v1'], children: [], state: 'unreadable' }, { name: 'a' }],
    on: 'a',
    says: /may need it, and cannot be read: 403 DENIED/,
    beyond: true,
  },
  'not-in-plan': {
    things: [{ name: 'a' }],
    rule: { only: { tags: new Map(), manifests: new Map() } },
    on: 'a',
    says: /would be deleted now, but is not in the plan/,
    beyond: true,
  },
};

describe('every reason of a plan', () => {
  // What changes after the plan is the executor's to say.
  const planned = [...DELETE_REASONS, ...KEEP_REASONS].filter((reason) => reason !== 'changed-since-plan');
  test('has an example here', () => expect(Object.keys(CASES)).toEqual(planned));

  test.each(Object.entries(CASES))('%s', (reason, { things, rule, on, says, beyond = false }) => {
    const decision = decisionOn(planOf(things, rule), on);
    expect(decision).toMatchObject({ reason, beyondAcrPurge: beyond });
    expect(decision?.detail).toMatch(says);
  });
});

test('what is kept whatever the plan says has the same reason where a plan is carried out; the rest is not in it', () => {
  const only = { tags: new Map<never, never>(), manifests: new Map<never, never>() };
  const signature = (name: string): string => `${d(name).replace(':', '-')}.sig`;
  const things = [
    { name: 'a', tags: ['v1'] },
    { name: 's', tags: [signature('a')] },
    { name: 'b', tags: ['dev'] },
    { name: 'gone', tags: [signature('no image')] },
  ];
  for (const untagged of [true, false]) {
    const asked = planOf(things, { untagged });
    const carriedOut = planOf(things, { untagged, only });
    expect(decisionOn(carriedOut, signature('a'))).toEqual(decisionOn(asked, signature('a')));
    expect(decisionOn(carriedOut, 'dev')).toMatchObject({ reason: 'not-in-plan', beyondAcrPurge: true });
    expect(decisionOn(carriedOut, signature('no image'))).toMatchObject({ reason: 'not-in-plan' });
    expect(carriedOut.decisions.filter(({ action }) => action === 'delete')).toEqual([]);
  }
});

test('a deleted tag names the filter that matches it, and one that moves is found by that', () => {
  const planned = planOf([{ name: 'a', tags: ['dev', 'latest'] }]);
  expect(decisionOn(planned, 'dev')).toMatchObject({ action: 'delete', filter: 'app:^(?!v)' });
  expect(summarize('app', planned.decisions, {}).movingTags).toEqual([
    { repository: 'app', tag: 'latest', filter: 'app:^(?!v)', kind: 'name' },
  ]);
});

describe('reads as little as it can', () => {
  test('no child of an index that is kept, no Docker image, nothing that is tagged and no index', () => {
    const things = [
      { name: 'i', tags: ['v1'], children: ['c'] },
      { name: 'c' },
      { name: 'docker', type: DOCKER },
      { name: 'tagged', tags: ['v2'], type: DOCKER },
    ];
    expect(planOf(things).read).toEqual(['i', 'c']);
    // The child is read only to learn whether it refers to what is deleted; where nothing is deleted it is not.
    expect(planOf(things.filter(({ name }) => name !== 'docker')).read).toEqual(['i']);
  });

  test('asks who refers to the few that are deleted, rather than reading the many that are kept', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({ name: `kept ${n}`, tags: [`v${n}`] }));
    const few = planOf([...many, { name: 'a' }]);
    expect(few).toMatchObject({ read: ['a'], asked: ['a'] });
    expect(decisionOn(few, 'a')).toMatchObject({ action: 'delete' });
  });

  test('reads the few that are kept, rather than asking for the many that are deleted', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({ name: `gone ${n}`, type: DOCKER }));
    expect(planOf([...many, { name: 'kept', tags: ['v1'] }])).toMatchObject({ read: ['kept'], asked: [] });
  });

  test('no manifest at all where no manifest is deleted', () => {
    const { read, asked, decisions } = planOf([{ name: 'i', tags: ['v1', 'dev'], children: ['c'] }, { name: 'c' }], {
      untagged: false,
    });
    expect({ read, asked }).toEqual({ read: [], asked: [] });
    expect(decisions.map(({ kind }) => kind)).toEqual(['tag']);
  });
});

test('a tag that signs what its own manifest needs cannot make two deletions wait for each other', () => {
  const tag = `${d('c').replace(':', '-')}.sig`;
  const planned = planOf([{ name: 'i', tags: [tag], children: ['c'] }, { name: 'c' }]);
  expect(planned.decisions.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep']);
});
