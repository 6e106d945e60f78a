import { expect } from 'vitest';
import type { ImageFindings } from '../../src/evidence/findings.ts';
import type { Decision, Reason } from '../../src/planner/decision.ts';
import type { KnownFindings } from '../../src/planner/findings.ts';
import { plan } from '../../src/planner/plan.ts';
import type { Configuration, Evidence, Inventory, Rule } from '../../src/planner/types.ts';
import { kindOf, mayHaveSubject } from '../../src/registry/media-types.ts';
import { type Instant, toInstant } from '../../src/registry/time.ts';
import type { ManifestFacts, ManifestRecord, TagRecord } from '../../src/registry/types.ts';

const NOW = new Date('2026-11-24T00:00:00Z');
const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
export const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

/** A digest that shows its name. */
export const d = (name: string): string => `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0')}`;

const daysAgo = (days: number): Instant => toInstant(new Date(NOW.getTime() - days * 86_400_000));

export interface Thing {
  readonly name: string;
  readonly days?: number | undefined;
  /** Days ago. */
  readonly created?: number;
  readonly tags?: readonly (
    string | { readonly name: string; readonly days?: number | undefined; readonly locked?: boolean }
  )[];
  readonly type?: string | undefined;
  readonly locked?: boolean;
  readonly children?: readonly string[];
  readonly subject?: string;
  readonly state?: 'missing' | 'unreadable';
  /** The name of its configuration. */
  readonly config?: string;
  /** The registry cannot say what refers to it. */
  readonly isUnanswered?: boolean;
  /** Not in the listing. */
  readonly hidden?: boolean;
  /** Tags that only the listing of the manifests shows on it. */
  readonly shows?: readonly string[];
}

interface Planned {
  readonly decisions: readonly Decision[];
  /** What the planner asked for, in order. */
  readonly read: readonly string[];
  readonly asked: readonly string[];
}

interface Besides {
  /** What earlier runs read, and is not there any more. */
  readonly gone?: readonly Thing[];
  readonly evidence?: Evidence;
  /** By the names of things. Absent: no source is configured. */
  readonly findings?: Readonly<Record<string, ImageFindings>>;
}

/** Plans a repository, answering what the planner asks for. */
export function planOf(
  things: readonly Thing[],
  rule: Partial<Rule> = {},
  { gone = [], evidence, findings }: Besides = {},
): Planned {
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
        created: thing.created === undefined ? undefined : daysAgo(thing.created),
        lastUpdated: 'days' in thing && thing.days === undefined ? undefined : daysAgo(thing.days ?? 40),
        locked: thing.locked ?? false,
        tags: [...(thing.tags ?? []).map((tag) => (typeof tag === 'string' ? tag : tag.name)), ...(thing.shows ?? [])],
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
  const thingOf = (digest: string): Thing | undefined => [...things, ...gone].find(({ name }) => d(name) === digest);
  const contentOf = ({ children = [], subject }: Thing) => ({
    children: children.map((name) => ({ digest: d(name), index: thingOf(d(name))?.children !== undefined })),
    subject: subject === undefined ? undefined : d(subject),
  });
  const facts = new Map<string, ManifestFacts>();
  const referrers = new Map<string, readonly string[] | 'unknown'>();
  const configs = new Map<string, Configuration>();
  const read: string[] = [];
  const asked: string[] = [];
  const inventory: Inventory = {
    repository: 'app',
    tags,
    manifests: { byDigest: new Map(records.map((record) => [record.digest, record])), newest: undefined },
    facts,
    referrers,
    configs,
    ...(evidence && { evidence }),
    ...(findings && { findings: knownOf(things, findings) }),
    remembered: new Map(gone.map((thing) => [d(thing.name), contentOf(thing)])),
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
  for (;;) {
    const planned = plan(inventory, full);
    if (planned.state === 'planned') return { decisions: [...planned.plan.decisions], read, asked };
    for (const digest of planned.manifests) {
      const thing = things.find(({ name }) => d(name) === digest);
      expect(facts.has(digest), 'nothing is read twice').toBe(false);
      read.push(thing?.name ?? digest);
      if (!thing || thing.state === 'missing') facts.set(digest, { state: 'missing' });
      else if (thing.state === 'unreadable') facts.set(digest, { state: 'unreadable', why: '403 DENIED' });
      else {
        facts.set(digest, { state: 'read', ...contentOf(thing) });
      }
    }
    for (const digest of planned.configs) {
      expect(configs.has(digest), 'nothing is asked twice').toBe(false);
      const { state, config } = thingOf(digest) ?? { state: 'missing' };
      configs.set(digest, state === 'unreadable' ? 'unknown' : config === undefined ? {} : { digest: d(config) });
    }
    for (const digest of planned.referrers) {
      expect(referrers.has(digest), 'nothing is asked twice').toBe(false);
      asked.push(thingOf(digest)?.name ?? digest);
      const found = things.filter(({ subject }) => subject !== undefined && d(subject) === digest);
      referrers.set(digest, thingOf(digest)?.isUnanswered === true ? 'unknown' : found.map(({ name }) => d(name)));
    }
  }
}

function knownOf(things: readonly Thing[], findings: Readonly<Record<string, ImageFindings>>): KnownFindings {
  const parts = things.flatMap(({ name, children, state, hidden }) =>
    children && state === undefined && hidden !== true ? [[d(name), children.map(d)] as const] : [],
  );
  const images = Object.entries(findings).map(([name, found]) => [d(name), found] as const);
  return { images: new Map(images), parts: new Map(parts) };
}

export function decisionOn({ decisions }: Planned, name: string): Decision | undefined {
  return decisions.find(({ kind, tag, digest }) => (kind === 'tag' ? tag === name : digest === d(name)));
}

/** Whether only a policy file gives that reason. */
export function isByPolicy(reason: Reason): boolean {
  return /^(?:rule-matched|protected|kept-.*|no-rule|below-count)$/.test(reason) || isByFindings(reason);
}

/** Whether only a rule that asks for findings, or for the end of life, gives that reason. */
export function isByFindings(reason: Reason): boolean {
  return /^(?:not-scanned|no-findings|end-of-life-unknown|supported)$/.test(reason);
}
