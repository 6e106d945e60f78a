import { renderUnpulledPage, type Setting } from '../../../report/page/index.ts';
import { RequestError } from '../problem.ts';
import { readQuery, UNPULLED_QUERY } from '../query.ts';
import type { UnpulledView } from '../unpulled.ts';

/** What was not pulled. */
export async function unpulledView(
  query: URLSearchParams,
  setting: Setting,
  unpulled: UnpulledView | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (!unpulled)
    throw new RequestError(
      400,
      'It is not known what was pulled: set REGISTRY_RESOURCE_ID to the resource id of the registry',
    );
  const { limit: _, ...asked } = readQuery(query, UNPULLED_QUERY);
  const { registries } = unpulled;
  // Reading a registry takes long: not before it is asked for.
  const report = asked.registry === undefined ? undefined : await unpulled.read(query, signal);
  return renderUnpulledPage(setting, { registries, asked: { ...asked, registry: report?.registry }, report });
}
