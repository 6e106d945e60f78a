import { renderQuarantinePage, type Setting } from '../../../report/page/index.ts';
import { RequestError } from '../problem.ts';
import type { QuarantineView } from '../quarantine.ts';

/** What is in quarantine, and the forms that release it. */
export async function quarantineView(
  query: URLSearchParams,
  setting: Setting,
  quarantine: QuarantineView | undefined,
): Promise<string> {
  if (!quarantine)
    throw new RequestError(
      400,
      'It is not known which registries the app serves: /api/status says what is wrong with its settings',
    );
  const asked = query.getAll('repository').filter((name) => name !== '');
  const cleaned = new URLSearchParams(asked.map((name) => ['repository', name]));
  const registry = query.get('registry');
  if (registry !== null && registry !== '') cleaned.set('registry', registry);
  const report = await quarantine.read(cleaned);
  return renderQuarantinePage(setting, { registries: quarantine.registries, repositories: asked, report });
}
