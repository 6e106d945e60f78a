import { z } from 'zod';
import type { Source } from '../types.ts';
import { type AzureOptions, azureSource, checkScope, placeOf, unlessGone } from './source.ts';

const VERSION = '2024-03-01';

export const CONTAINER_APPS_ACTIONS = [
  'Microsoft.App/containerApps/read',
  'Microsoft.App/containerApps/revisions/read',
  'Microsoft.App/jobs/read',
  'Microsoft.App/jobs/executions/read',
] as const;

const containers = z.array(z.object({ image: z.string().nullish() })).nullish();
const template = z.object({ containers, initContainers: containers }).nullish();
const resource = z.object({ id: z.string(), properties: z.object({ template }) });
const revision = z.object({ name: z.string(), properties: z.object({ active: z.boolean().nullish(), template }) });

const execution = z.object({ name: z.string(), properties: z.object({ status: z.string().nullish(), template }) });

/** An execution in any other state may begin a container anew. */
const ENDED: ReadonlySet<string | undefined> = new Set(['succeeded', 'failed', 'stopped']);

const imagesOf = (of: z.infer<typeof template>) =>
  [...(of?.containers ?? []), ...(of?.initContainers ?? [])].map(({ image }) => image);

/** Container Apps as they will run next and in every revision that is active; jobs, and what was started of them. */
export function containerApps(options: AzureOptions, subscription: string): Source {
  return azureSource(
    options,
    `the Container Apps and their jobs in the subscription ${subscription}`,
    async (reading) => {
      const { arm, all, each, found } = reading;
      await checkScope(reading, subscription, CONTAINER_APPS_ACTIONS);
      await each(all(subscription, 'Microsoft.App/containerApps', VERSION, resource), async ({ id, properties }) => {
        const where = `container app ${placeOf(id)}`;
        for (const image of imagesOf(properties.template)) found(image, where);
        await unlessGone(reading, { id }, VERSION, async () => {
          for await (const { name, properties: of } of arm.list(`${id}/revisions`, VERSION, revision))
            if (of.active !== false)
              for (const image of imagesOf(of.template)) found(image, `${where}, revision ${name}`);
        });
      });
      await each(all(subscription, 'Microsoft.App/jobs', VERSION, resource), async ({ id, properties }) => {
        const where = `job ${placeOf(id)}`;
        for (const image of imagesOf(properties.template)) found(image, where);
        // It may have been started with another image, or before the job was changed.
        await unlessGone(reading, { id }, VERSION, async () => {
          for await (const { name, properties: of } of arm.list(`${id}/executions`, VERSION, execution))
            if (!ENDED.has(of.status?.toLowerCase()))
              for (const image of imagesOf(of.template)) found(image, `${where}, execution ${name}`);
        });
      });
    },
  );
}
