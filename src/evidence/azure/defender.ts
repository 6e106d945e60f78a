import { z } from 'zod';
import type { DefenderFindings, DefenderOptions, DefenderSource, DefenderTrial } from '../defender.ts';
import type { Scan } from '../findings.ts';
import { newScanCounts, type ScanCounts } from '../scan-counts.ts';
import { type ArmOptions, openArm } from './arm.ts';
import { endpointOf } from './clouds.ts';
import { type Read, readRecommendation, readSubAssessment, RECOMMENDATIONS, SUB_ASSESSMENTS } from './defender-rows.ts';
import { ArmError } from './errors.ts';
import { missingActions } from './permissions.ts';
import { graphPages } from './resource-graph.ts';

/** What the identity reads. Security Reader holds it. */
export const DEFENDER_ACTIONS = [
  'Microsoft.Security/assessments/read',
  'Microsoft.Security/assessments/subAssessments/read',
] as const;

/** Held in memory at the same time, of each form: 100,000 images with a hundred each. */
const MOST_FINDINGS = 10_000_000;

interface Form {
  /** In the words of an error. */
  readonly asked: string;
  readonly query: string;
  readonly read: (row: unknown) => Read;
  /** In the words of a problem, of several. */
  readonly rows: string;
}

const INDIVIDUAL: Form = {
  asked: 'the recommendations of Defender for Cloud',
  query: RECOMMENDATIONS,
  read: readRecommendation,
  rows: 'recommendations',
};
const OLDER: Form = {
  asked: 'the sub-assessments of Defender for Cloud',
  query: SUB_ASSESSMENTS,
  read: readSubAssessment,
  rows: 'sub-assessments',
};

/** Microsoft Defender for Cloud, by Azure Resource Graph. */
export function defender({ credential, clock, cloud, resourceOf, at }: DefenderOptions): DefenderSource {
  const audience = endpointOf(cloud);
  const options: ArmOptions = { endpoint: at?.endpoint ?? audience, audience, credential, clock, certificate: at?.certificate }; // prettier-ignore
  return {
    async read(registry, signal) {
      const observedAt = new Date(clock.now()).toISOString();
      const resource = resourceOf(registry);
      if (resource === undefined)
        return { observedAt, complete: false, problems: [noResource(registry)], images: 0, scanOf: () => undefined, isInDoubt: () => true }; // prettier-ignore
      const subscription = subscriptionOf(resource);
      const isOther = otherThan(registry, resource);
      const [individual, older] = [newScanCounts('defender'), newScanCounts('defender')];
      const read = (form: Form, counts: ScanCounts): Promise<ReadForm> =>
        readAll(form, counts, { options, subscription, isOther, signal });
      const refused = await rightsProblem(options, subscription, signal);
      const forms = [await read(INDIVIDUAL, individual), await read(OLDER, older)] as const;
      const problems = [refused, ...forms.flatMap((form) => form.problems)].filter((problem) => problem !== undefined);
      const [isWhole, isOlderWhole] = forms.map((form) => refused === undefined && form.isWhole);
      return {
        observedAt,
        complete: problems.length === 0,
        problems,
        ...joined(individual, older),
        isInDoubt: (repository, digest) =>
          // What the individual form names counts, whatever else there is.
          !isNaming(individual.scanOf(repository, digest)) &&
          !(isWhole === true && (isOlderWhole === true || older.scanOf(repository, digest) !== undefined)),
      };
    },

    async tried(registry, signal) {
      const resource = resourceOf(registry);
      if (resource === undefined) return { state: 'unknown', error: noResource(registry) };
      const subscription = subscriptionOf(resource);
      return tryRights(options, subscription, signal);
    },
  };
}

const noResource = (registry: string): string =>
  `REGISTRY_RESOURCE_ID names no resource of ${registry}, so it is not known in which subscription its findings are`;

const subscriptionOf = (resource: string): string => (resource.split('/')[2] ?? '').toLowerCase();

/** Of both forms. Where both say something of an image, the individual one counts, unless it only says that all is well. */
function joined(individual: ScanCounts, older: ScanCounts): Pick<DefenderFindings, 'images' | 'scanOf'> {
  return {
    images: new Set([...individual.images(), ...older.images()]).size,
    scanOf(repository, digest) {
      const scan = individual.scanOf(repository, digest);
      return isNaming(scan) ? scan : (older.scanOf(repository, digest) ?? scan);
    },
  };
}

const isNaming = (scan: Scan | undefined): boolean => scan !== undefined && Object.keys(scan.bySeverity).length > 0;

/** Whether a login server is known to be that of another registry. Behind the name of a registry there may be a hash. */
function otherThan(registry: string, resource: string): (host: string | undefined) => boolean {
  const name = (resource.split('/').at(-1) ?? '').toLowerCase();
  return (host) => {
    if (host === undefined || host === registry.toLowerCase()) return false;
    const [label = ''] = host.split('.');
    return label !== name && !label.startsWith(`${name}-`);
  };
}

interface Asking {
  readonly options: ArmOptions;
  readonly subscription: string;
  readonly isOther: (host: string | undefined) => boolean;
  readonly signal: AbortSignal | undefined;
}

interface ReadForm {
  /** What was not read. */
  readonly problems: readonly string[];
  /** Nothing was left out that may be about another image than those that are known. */
  readonly isWhole: boolean;
}

/** Reads one form, as much of it as can be read. */
async function readAll(
  { asked, query, read, rows }: Form,
  counts: ScanCounts,
  { options, subscription, isOther, signal }: Asking,
): Promise<ReadForm> {
  let unreadable = 0;
  let nameless = 0;
  let parts = 0;
  const problems: string[] = [];
  try {
    const pages = graphPages(options, { asked, query, subscription, row: z.unknown(), isLarge: true }, signal);
    for await (const page of pages) {
      for (const row of page) {
        const one = read(row);
        if (one.state === 'unreadable') unreadable += 1;
        else if (one.state === 'no image') nameless += 1;
        else if (!isOther(one.registry)) {
          counts.add(one.image, one.findings, one.at);
          if (one.isPart === true) parts += 1;
        }
      }
      if (counts.size() > MOST_FINDINGS) {
        problems.push(`${asked}: there are more than ${MOST_FINDINGS} findings, and the rest was not read`);
        break;
      }
    }
  } catch (error) {
    problems.push(wordsOf(error));
  }
  if (unreadable > 0) problems.push(`${unreadable} ${rows} are not in the form that is known`);
  if (nameless > 0) problems.push(`${nameless} ${rows} do not say by a digest which image they are about`);
  const isWhole = problems.length === 0;
  if (parts > 0) problems.push(`of ${parts} ${rows} not every CVE could be read`);
  return { problems, isWhole };
}

/** Of other errors the message may hold anything. */
const wordsOf = (error: unknown): string =>
  error instanceof ArmError ? error.message : `it cannot be read (${(error as Error).name})`;

/**
 * Resource Graph leaves out what may not be read, and says nothing of it. So it is asked first what the identity may read.
 */
async function rightsProblem(
  options: ArmOptions,
  subscription: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { state, error } = await rightsOf(options, subscription, signal);
  return state === 'granted' ? undefined : error;
}

async function rightsOf(
  options: ArmOptions,
  subscription: string,
  signal: AbortSignal | undefined,
): Promise<DefenderTrial> {
  const scope = `/subscriptions/${subscription}`;
  const missing = (why: string): DefenderTrial => ({
    state: 'missing',
    error: `the identity may not read all findings of the subscription ${subscription} (${why}): grant it Security Reader there (docs/findings.md)`,
    scope,
  });
  try {
    const actions = await missingActions(openArm(options, signal), subscription, DEFENDER_ACTIONS);
    return actions.length === 0 ? { state: 'granted', scope } : missing(`its roles there lack ${actions.join(', ')}`);
  } catch (error) {
    // Without any role at the subscription, not even that may be asked.
    if (error instanceof ArmError && (error.status === 403 || error.status === 404))
      return missing(`it has no role there, ${error.status}`);
    return { state: 'unknown', error: wordsOf(error), scope };
  }
}

/** A query that gives nothing, too: the service may refuse to be asked at all. */
async function tryRights(
  options: ArmOptions,
  subscription: string,
  signal: AbortSignal | undefined,
): Promise<DefenderTrial> {
  const rights = await rightsOf(options, subscription, signal);
  if (rights.state !== 'granted') return rights;
  const query = `securityresources | where type =~ 'microsoft.security/none' | project id | order by id asc`;
  try {
    const asked = 'the index of security findings';
    await Array.fromAsync(graphPages(options, { asked, query, subscription, row: z.unknown() }, signal));
    return rights;
  } catch (error) {
    const isRefused = error instanceof ArmError && error.status === 403;
    return { ...rights, state: isRefused ? 'missing' : 'unknown', error: wordsOf(error) };
  }
}
