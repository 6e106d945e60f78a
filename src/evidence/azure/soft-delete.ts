import { z } from 'zod';
import type { SoftDelete, SoftDeleteOptions, SoftDeleteSource } from '../soft-delete.ts';
import { openArm } from './arm.ts';
import { endpointOf } from './clouds.ts';
import { ArmError } from './errors.ts';

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
export function softDeleteAtAzure({ credential, clock, cloud, resourceOf, at }: SoftDeleteOptions): SoftDeleteSource {
  return {
    async read(name, signal) {
      const id = resourceOf(name);
      if (id === undefined) return { state: 'unknown', why: `REGISTRY_RESOURCE_ID names no resource of ${name}` };
      const audience = endpointOf(cloud);
      const endpoint = at?.endpoint ?? audience;
      const arm = openArm({ endpoint, audience, credential, clock, certificate: at?.certificate }, signal);
      try {
        return stateIn((await arm.get(id, VERSION, registry)).properties.policies?.softDeletePolicy);
      } catch (error) {
        // Of other errors the message may hold anything.
        const why = error instanceof ArmError ? error.message : `it cannot be read (${(error as Error).name})`;
        return { state: 'unknown', why: `its policy of soft delete cannot be read: ${why}` };
      }
    },
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
