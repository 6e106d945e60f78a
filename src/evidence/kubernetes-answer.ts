import * as z from 'zod';

/*
 * What a list of a cluster must hold to count as one. The client makes objects of anything: of an answer without items a
 * list of nothing, of text a list of its letters. What may be absent is never null: the API leaves it out.
 */

const text = z.string();
const named = z.object({ name: text.optional(), image: text.optional() });
const container = z.object({ name: text, image: text.default(''), imageID: text.default('') });
const statuses = z.array(container).optional();

const podSpec = z.object({
  containers: z.array(named),
  initContainers: z.array(named).optional(),
  ephemeralContainers: z.array(named).optional(),
  volumes: z.array(z.object({ image: z.object({ reference: text.optional() }).optional() })).optional(),
});

const metadata = z.object({
  name: text,
  namespace: text.optional(),
  ownerReferences: z.array(z.object({ kind: text, name: text, controller: z.boolean().optional() })).optional(),
});

const templated = z.object({ template: z.object({ spec: podSpec }) });

/** What of each kind of object is looked at. */
const OBJECTS = {
  pod: z.object({
    metadata,
    spec: podSpec,
    status: z
      .object({ containerStatuses: statuses, initContainerStatuses: statuses, ephemeralContainerStatuses: statuses })
      .optional(),
  }),
  template: z.object({ metadata, spec: templated }),
  jobTemplate: z.object({ metadata, spec: z.object({ jobTemplate: z.object({ spec: templated }) }) }),
} as const;

/** What an object holds that runs: `template` is a template of pods, `jobTemplate` one of jobs. */
type Holds = keyof typeof OBJECTS;

/** A kind of object, as the API names it. */
export interface Kind {
  readonly apiVersion: 'v1' | 'apps/v1' | 'batch/v1';
  readonly kind: string;
  readonly holds: Holds;
}

/**
 * Checks one page of a list, and leaves out what is not looked at: most of it.
 * @returns the text of what is left
 * @throws {NoList} where it is no such list, or lacks something
 */
export function checkedPage({ apiVersion, kind, holds }: Kind, status: number, answered: string): string {
  // A part of an answer, or one that is to come.
  if (status !== 200) throw new NoList({ message: `the cluster answered ${status}, which is no whole list` });
  const page = z
    .object({
      apiVersion: z.literal(apiVersion),
      kind: z.literal(`${kind}List`),
      metadata: z.object({ continue: text.optional(), remainingItemCount: z.number().optional() }).default({}),
      items: z.array(OBJECTS[holds]),
    })
    .parse(JSON.parse(answered));
  const { continue: next = '', remainingItemCount: remaining = 0 } = page.metadata;
  if (next === '' && remaining > 0)
    throw new NoList({ message: `${remaining} more are left, and the cluster does not say where` });
  return JSON.stringify(page);
}

export class NoList extends Error {
  constructor({ message = 'what was answered is no list of them', cause }: { message?: string; cause?: unknown } = {}) {
    super(message, { cause });
  }
}
