import { eachOf } from './each.ts';
import type { DecisionError } from '../planner/decision.ts';
import type { Inventory, Plan, Rule } from '../planner/types.ts';
import { REPLICATION_MS } from '../planner/untagged.ts';
import { mayDoBetter } from '../registry/errors.ts';
import { toInstant } from '../registry/time.ts';
import type { ManifestFacts, RegistryReader } from '../registry/types.ts';

/*
 * What is said where manifests cannot be read, and so others are kept that they may need. A doubt keeps; it is never
 * silent.
 */

/** Digests that a warning names. */
const MAX_NAMED = 3;

export interface Looking {
  readonly reader: RegistryReader;
  readonly now: Date;
  readonly facts: Map<string, ManifestFacts>;
  readonly concurrency: number;
}

/** Indexes that a listing holds and that the registry does not find. */
export interface Ghosts {
  /** Looks after them once everything else is known. Whether the plan has to be made again. */
  readonly look: (inventory: Inventory) => Promise<boolean>;
  readonly warnings: (repository: string, plan: Plan, rule: Rule) => readonly string[];
}

/**
 * An index that is listed and answers 404 might need any manifest of its repository. Where it is older than a day, and
 * answers 404 when it is read and when its attributes are asked for, also a second time once all the rest is planned, it
 * is gone: it can need nothing that a pull would find.
 */
export function newGhosts({ reader, now, facts, concurrency }: Looking): Ghosts {
  const old = toInstant(new Date(now.getTime() - REPLICATION_MS));
  const looked = new Map<string, 'once' | 'gone' | 'doubt'>();

  async function first(inventory: Inventory): Promise<boolean> {
    const ghosts: string[] = [];
    for (const [digest, fact] of facts) {
      const kind = inventory.manifests?.byDigest.get(digest)?.kind;
      const mayNeed = kind === 'index' || kind === 'unknown';
      if (fact.state === 'missing' && mayNeed && !looked.has(digest)) ghosts.push(digest);
    }
    let isChanged = false;
    await eachOf(ghosts, concurrency, async (digest) => {
      const { lastUpdated } = inventory.manifests?.byDigest.get(digest) ?? {};
      const isOld = lastUpdated !== undefined && lastUpdated < old;
      if (!isOld || (await isThere(inventory.repository, digest))) {
        looked.set(digest, 'doubt');
        return;
      }
      looked.set(digest, 'once');
      facts.set(digest, { state: 'missing', gone: true });
      isChanged = true;
    });
    return isChanged;
  }

  async function again({ repository }: Inventory): Promise<boolean> {
    const once = [...looked].filter(([, state]) => state === 'once').map(([digest]) => digest);
    let isChanged = false;
    await eachOf(once, concurrency, async (digest) => {
      const fact = await reader.manifest(repository, digest);
      const isGone = fact.state === 'missing' && !(await isThere(repository, digest));
      looked.set(digest, isGone ? 'gone' : 'doubt');
      if (isGone) return;
      facts.set(digest, fact);
      isChanged = true;
    });
    return isChanged;
  }

  /** Where that cannot be found out, it is taken to be there. */
  const isThere = (repository: string, digest: string): Promise<boolean> =>
    reader.manifestAttributes(repository, digest).then(
      (record) => record !== undefined,
      () => true,
    );

  return {
    look: async (inventory) => (await first(inventory)) || (await again(inventory)),
    warnings(repository, plan, rule) {
      const found = (wanted: 'gone' | 'doubt'): readonly string[] =>
        [...looked].filter(([digest, state]) => state === wanted && facts.get(digest)?.state === 'missing').map(([digest]) => digest); // prettier-ignore
      const [gone, doubt] = [found('gone'), found('doubt')];
      const warnings: string[] = [];
      if (gone.length > 0)
        warnings.push(
          `${repository} lists ${inWords(gone)}, and the registry does not find it: nothing is kept for it`,
        );
      const kept = doubt.length > 0 ? withheldBy(plan, rule) : 0;
      if (kept > 0)
        warnings.push(
          `${repository} lists ${inWords(doubt)}, and the registry does not find it: it may need any of the ${kept} artifacts that are kept for it. Push it again, or delete it`,
        );
      return warnings;
    },
  };
}

/** What is to be said where something is kept because manifests could not be read. */
export interface Unread {
  /** They may not be read, or the registry did not answer: a failure of the run. */
  readonly error?: DecisionError;
  readonly warnings: readonly string[];
}

export function unreadIn({ repository, facts }: Inventory, plan: Plan, rule: Rule): Unread {
  let failed: Unreadable | undefined;
  const odd: string[] = [];
  for (const [digest, fact] of facts) {
    if (fact.state !== 'unreadable') continue;
    if (isForbidden(fact)) failed = fact;
    else if (mayDoBetter(fact.status)) failed ??= fact;
    else odd.push(digest);
  }
  if ((!failed && odd.length === 0) || withheldBy(plan, rule) === 0) return { warnings: [] };
  if (!failed) return { warnings: [`${repository}: ${inWords(odd)} cannot be read, so what it may need is kept`] };
  const { status, code } = failed;
  const came = [status, code].filter((part) => part !== undefined).join(' ') || 'no answer';
  const message = isForbidden(failed)
    ? `manifests may not be read (${came}), so what they may need is kept`
    : `manifests could not be read (${came}), so what they may need is kept. The next run reads them again`;
  const error = { message, ...(status !== undefined && { status }), ...(code !== undefined && { code }) };
  // A warning of the run names the role, once for all repositories.
  return { error: isForbidden(failed) ? { ...error, missing: 'read' } : error, warnings: [] };
}

/** Whether an error of a repository says that, and not why the repository is not done. */
export function isUnread({ message }: DecisionError): boolean {
  return /\bmanifests (?:may not|could not) be read\b/.test(message);
}

type Unreadable = ManifestFacts & { readonly state: 'unreadable' };

function isForbidden({ status }: Unreadable): boolean {
  return status === 401 || status === 403;
}

/** How much `acr purge`, or the rules alone, would delete and is kept because something cannot be read. */
function withheldBy({ decisions }: Plan, { retention }: Rule): number {
  let count = 0;
  for (const { action, reason, beyondAcrPurge } of decisions)
    if (action === 'keep' && reason === 'unreadable' && (beyondAcrPurge || retention)) count += 1;
  return count;
}

function inWords(digests: readonly string[]): string {
  const named = digests.slice(0, MAX_NAMED).join(', ');
  return digests.length > MAX_NAMED ? `${named} and ${digests.length - MAX_NAMED} more` : named;
}
