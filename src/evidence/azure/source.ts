import type { TokenCredential } from '@azure/core-auth';
import pLimit from 'p-limit';
import type { Clock } from '../../registry/clock.ts';
import { imageIn } from '../image.ts';
import type { Evidence, Source, Use } from '../types.ts';
import { z } from 'zod';
import { type Arm, openArm } from './arm.ts';
import type { AzureCloud } from './clouds.ts';
import { endpointOf } from './clouds.ts';
import { ArmError } from './errors.ts';
import { missingActions } from './permissions.ts';

/** What is asked at the same time. */
const AT_A_TIME = 8;

/** Problems that are named: a subscription may have thousands. */
const MOST_PROBLEMS = 10;

export interface AzureOptions {
  /** As it is configured. */
  readonly name: string;
  readonly credential: TokenCredential;
  readonly clock: Clock;
  readonly cloud: AzureCloud;
  /** Where it answers instead of at the host of the cloud. */
  readonly at?: { readonly endpoint: string; readonly certificate: string };
}

/** What a reader is given, and says. */
export interface Reading {
  readonly arm: Arm;
  /**
   * All resources of a type in a subscription: those that its service lists, and those that only the index of Azure names and
   * that are there. Neither is known to leave out nothing.
   */
  readonly all: <T extends { readonly id: string }>(
    subscription: string,
    type: string,
    version: string,
    schema: z.ZodType<T>,
  ) => AsyncIterable<T>;
  /** The registry that it is about. */
  readonly registry: string;
  readonly signal: AbortSignal | undefined;
  /** An image as it is named. Without a name, or with one that cannot be read, it may be any: the evidence is not complete. */
  readonly found: (image: string | null | undefined, where: string) => void;
  readonly add: (evidence: Pick<Evidence, 'facts' | 'problems'>) => void;
  readonly problem: (text: string) => void;
  /** Does something for each, some at a time. One that fails is a problem, and the others are read all the same. */
  readonly each: <T>(items: AsyncIterable<T>, read: (item: T) => Promise<void>) => Promise<void>;
}

/** A source in Azure. */
export function azureSource(
  { name, credential, clock, cloud, at }: AzureOptions,
  scope: string,
  read: (reading: Reading) => Promise<void>,
): Source {
  return {
    name,
    async read(registry, signal): Promise<Evidence> {
      const observedAt = new Date(clock.now()).toISOString();
      const facts = new Map<string, Use>();
      const problems = new Set<string>();
      const problem = (text: string): void => void problems.add(text);
      const attempt = async (action: () => Promise<void>): Promise<void> => {
        try {
          await action();
        } catch (error) {
          // Of other errors the message may hold anything.
          problem(error instanceof ArmError ? error.message : `it cannot be read (${(error as Error).name})`);
        }
      };
      const add = (evidence: Pick<Evidence, 'facts' | 'problems'>): void => {
        for (const use of evidence.facts)
          facts.set(JSON.stringify([use.repository, use.tag, use.digest, use.config, use.where]), use);
        evidence.problems.forEach(problem);
      };
      const found: Reading['found'] = (text, where) => {
        if (!text?.trim()) {
          problem(`${where}: a container of it names no image`);
          return;
        }
        const image = imageIn(registry, text);
        if (typeof image === 'object') add({ facts: [{ ...image, where }], problems: [] });
        // Its host may be filled in later.
        else if (image === 'unreadable') problem(`${where}: the name of its image cannot be read`);
      };
      const each: Reading['each'] = async (items, action) => {
        const limit = pLimit(AT_A_TIME);
        const under: Promise<void>[] = [];
        await attempt(async () => {
          for await (const item of items) under.push(limit(() => attempt(() => action(item))));
        });
        await Promise.all(under);
      };
      await attempt(async () => {
        const audience = endpointOf(cloud);
        const armOptions = { endpoint: at?.endpoint ?? audience, audience, credential, clock, certificate: at?.certificate }; // prettier-ignore
        const arm = openArm(armOptions, signal);
        const all: Reading['all'] = async function* (subscription, type, version, schema) {
          const seen = new Set<string>();
          for await (const one of arm.list(`/subscriptions/${subscription}/providers/${type}`, version, schema)) {
            seen.add(one.id.toLowerCase());
            yield one;
          }
          const { indexedIds } = await import('./resource-graph.ts');
          for (const id of await indexedIds(armOptions, subscription, type, signal)) {
            const one = seen.has(id.toLowerCase()) ? undefined : await arm.get(id, version, schema).catch(isGone);
            if (one) yield one;
          }
        };
        await read({ arm, all, registry, signal, found, add, problem, each });
      });
      return { source: name, scope, observedAt, complete: problems.size === 0, problems: named(problems), facts: [...facts.values()] }; // prettier-ignore
    },
  };
}

/** The index lags: it names what was deleted. */
function isGone(error: unknown): undefined {
  if (!(error instanceof ArmError && error.status === 404)) throw error;
}

/** Reads what belongs to a resource. One that was deleted since it was listed runs nothing. */
export async function unlessGone(
  { arm }: Reading,
  { id }: { readonly id: string },
  version: string,
  read: () => Promise<void>,
): Promise<void> {
  try {
    await read();
  } catch (error) {
    isGone(error);
    if ((await arm.get(id, version, z.object({})).catch(isGone)) !== undefined) throw error;
  }
}

function named(problems: ReadonlySet<string>): readonly string[] {
  const all = [...problems];
  if (all.length <= MOST_PROBLEMS) return all;
  return [...all.slice(0, MOST_PROBLEMS), `and ${all.length - MOST_PROBLEMS} more problems`];
}

/** Says what of a subscription the identity may not read, and so is not listed. */
export async function checkScope(
  { arm, problem }: Reading,
  subscription: string,
  actions: readonly string[],
): Promise<void> {
  const missing = await missingActions(arm, subscription, actions);
  if (missing.length > 0)
    problem(
      `the identity may not read all of the subscription ${subscription}: its roles there lack ${missing.join(', ')}; ` +
        'grant them at the subscription (docs/deploying.md)',
    );
}

/** The last part of a resource id, and where it is. */
export function placeOf(id: string): string {
  const parts = id.split('/');
  const [group, name] = [parts[4] ?? '', parts[8] ?? ''];
  const slot = parts[10] === undefined ? '' : `, slot ${parts[10]}`;
  return `${name}${slot}, resource group ${group}`;
}
