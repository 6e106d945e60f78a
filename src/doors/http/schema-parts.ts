import * as z from 'zod';
import { SEVERITIES } from '../../policy/severity.ts';

/* What several answers of the app have, as schemas. */

export const count = z.int().nonnegative();
export const bytes = count.describe('Bytes: an estimate, because images share layers');
export const time = z.iso.datetime({ offset: true });
export const runId = z.string().describe('Sorts by time: 20261124T010000Z-3f9a0c');
export const texts = z.array(z.string());

export const severityCounts = z
  .partialRecord(z.enum(SEVERITIES), count)
  .meta({ id: 'SeverityCounts', description: 'Numbers of findings; of a severity that is absent there are none' });

export const actor = z
  .object({
    kind: z.enum(['person', 'account', 'key', 'schedule']),
    name: z.string(),
    id: z.string().exactOptional().describe('Of a person: the object id in Microsoft Entra'),
  })
  .meta({ id: 'Actor', description: 'Who did something, as far as it is known' });
