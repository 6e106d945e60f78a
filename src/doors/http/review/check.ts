import { renderCheckPage, type Setting } from '../../../report/page/index.ts';
import type { CheckView } from '../check.ts';
import { RequestError } from '../problem.ts';
import { REGISTRY_QUERY, readQuery } from '../query.ts';

/** What the last check of a registry has found, and the form that checks it anew. */
export async function checkPageOf(
  query: URLSearchParams,
  setting: Setting,
  checks: CheckView | undefined,
): Promise<string> {
  const [first] = checks?.registries ?? [];
  if (!checks || first === undefined)
    throw new RequestError(
      400,
      'It is not known which registries the app serves: /api/status says what is wrong with its settings',
    );
  const { registry: asked } = readQuery(query, REGISTRY_QUERY);
  const check = await checks.last(asked);
  const registry = check?.registry ?? checks.registries.find((one) => one.split('.')[0] === asked) ?? asked ?? first;
  return renderCheckPage(setting, { registries: checks.registries, registry, check });
}
