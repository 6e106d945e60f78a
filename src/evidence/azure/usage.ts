import { z } from 'zod';
import type { Usage, UsageOptions, UsageSource } from '../usage.ts';
import { askResource } from './registry-resource.ts';

/** Not a preview. */
const VERSION = '2023-07-01';

const usages = z.object({
  value: z.array(
    z.object({
      name: z.string().nullish(),
      currentValue: z.number().nonnegative().nullish(),
      limit: z.number().nullish(),
      unit: z.string().nullish(),
    }),
  ),
});

const GIB = 1024 ** 3;

/**
 * What the tiers include (GiB), as the service's documentation says. The limit of the usage is that number; one that is none
 * of them may be the most that a registry can hold, and says nothing about what is charged.
 */
const INCLUDED: ReadonlySet<number> = new Set([10, 100, 500].map((size) => size * GIB));

/**
 * How much a registry uses: the usage `Size` of `listUsages` (Azure Resource Manager). The metric `StorageUsed` of Azure
 * Monitor says the same, averaged over an hour, and not what the tier includes.
 */
export function usageAtAzure(options: UsageOptions): UsageSource {
  return {
    read: (name, signal) =>
      askResource(
        options,
        name,
        'how much it uses',
        async (arm, id) => usageIn((await arm.get(`${id}/listUsages`, VERSION, usages)).value),
        signal,
      ),
  };
}

function usageIn(all: z.infer<typeof usages>['value']): Usage {
  const size = all.find(
    ({ name, unit }) => name?.toLowerCase() === 'size' && (unit ?? 'Bytes').toLowerCase() === 'bytes',
  );
  const { currentValue, limit } = size ?? {};
  if (currentValue === undefined || currentValue === null)
    return { state: 'unknown', why: 'Azure does not say how much the registry uses' };
  const isIncluded = limit !== undefined && limit !== null && INCLUDED.has(limit);
  return { state: 'known', bytes: currentValue, ...(isIncluded && { included: limit }) };
}
