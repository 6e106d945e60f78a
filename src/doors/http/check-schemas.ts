import * as z from 'zod';
import { CHECK_KINDS, CHECK_STATES, type RegistryCheck } from '../../index.ts';
import { count, time } from './schema-parts.ts';

/* What the route about the check of a registry answers. */

const finding = z
  .object({
    kind: z.enum(CHECK_KINDS),
    state: z
      .enum(CHECK_STATES)
      .describe('broken: a pull fails; not known: it could not be looked at; left over: it costs space or attention'),
    repository: z.string(),
    tag: z.string().exactOptional(),
    digest: z.string().exactOptional(),
    since: z.string().exactOptional().describe('When what is named was changed last: it is not so for longer'),
    says: z.string().describe('What it is'),
    todo: z.string().describe('What a person does about it'),
  })
  .meta({ id: 'CheckFinding', description: 'Something that is broken, left over, or not known' });

export const check = z
  .object({
    registry: z.string(),
    at: time.describe('When it began'),
    repositories: z
      .object({ checked: count, of: count })
      .describe('Repositories that were looked at completely, of all; each of the others is a finding'),
    counts: z
      .partialRecord(z.enum(CHECK_KINDS), count)
      .describe('How many there are of each kind, also of those that are not listed'),
    findings: z.array(finding).describe('The worst first; at most 500 of a kind, and 2,000 in all'),
  })
  .meta({ id: 'Check', description: 'What is broken or left over in a registry' }) satisfies z.ZodType<RegistryCheck>;
