import { z } from 'zod';
import type { Source } from '../types.ts';
import { type AzureOptions, azureSource, checkScope, placeOf } from './source.ts';

const VERSION = '2023-05-01';

export const CONTAINER_INSTANCES_ACTIONS = ['Microsoft.ContainerInstance/containerGroups/read'] as const;

const containers = z.array(z.object({ properties: z.object({ image: z.string().nullish() }) })).nullish();
const group = z.object({ id: z.string(), properties: z.object({ containers, initContainers: containers }) });

/** Container groups, also those that have ended: they can be started again. */
export function containerInstances(options: AzureOptions, subscription: string): Source {
  return azureSource(options, `the container groups in the subscription ${subscription}`, async (reading) => {
    const { all, each, found } = reading;
    await checkScope(reading, subscription, CONTAINER_INSTANCES_ACTIONS);
    await each(
      all(subscription, 'Microsoft.ContainerInstance/containerGroups', VERSION, group),
      ({ id, properties }) => {
        for (const one of [...(properties.containers ?? []), ...(properties.initContainers ?? [])])
          found(one.properties.image, `container group ${placeOf(id)}`);
        return Promise.resolve();
      },
    );
  });
}
