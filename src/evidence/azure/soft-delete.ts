import { z } from 'zod';
import type { SoftDelete, SoftDeleteOptions, SoftDeleteSource } from '../soft-delete.ts';
import { askResource } from './registry-resource.ts';

/** Only previews of the API have it. */
const VERSION = '2023-11-01-preview';

const registry = z.object({
  properties: z.object({
    policies: z
      .object({
        softDeletePolicy: z
          .object({ status: z.string().nullish(), retentionDays: z.number().int().positive().nullish() })
          .nullish(),
      })
      .nullish(),
  }),
});

/** Whether a registry keeps what is deleted, and for how long, as Azure Resource Manager says. */
export function softDeleteAtAzure(options: SoftDeleteOptions): SoftDeleteSource {
  return {
    read: (name, signal) =>
      askResource(
        options,
        name,
        'its policy of soft delete',
        async (arm, id) => stateIn((await arm.get(id, VERSION, registry)).properties.policies?.softDeletePolicy),
        signal,
      ),
  };
}

type Policy = NonNullable<z.infer<typeof registry>['properties']['policies']>['softDeletePolicy'];

function stateIn(policy: Policy): SoftDelete {
  const { status, retentionDays } = policy ?? {};
  if (status?.toLowerCase() !== 'enabled') return { state: 'off' };
  if (retentionDays === undefined || retentionDays === null)
    return { state: 'unknown', why: 'soft delete is on, and Azure does not say for how many days' };
  return { state: 'on', days: retentionDays };
}
