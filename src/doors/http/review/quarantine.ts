import type { RepositoryRecord, RunRecord } from '../../../index.ts';
import { quarantinedIn } from '../../../report/quarantine-words.ts';
import { renderQuarantinePage, type Setting, type WaitingOfRun } from '../../../report/page/index.ts';
import { RequestError } from '../problem.ts';
import { PAGE_QUERY, readQuery } from '../query.ts';
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
  const { page } = readQuery(query, PAGE_QUERY);
  const report = await quarantine.read(cleaned);
  return renderQuarantinePage(setting, { registries: quarantine.registries, repositories: asked, page, report });
}

/** Repositories that are named in a question. Of more all are listed. */
const MOST_REPOSITORIES = 50;

/** What a run has put into quarantine, as far as it waits there still. `undefined`: nothing does, or that is not known here. */
export async function waitingOf(
  { id, dryRun, state, registry, totals }: RunRecord,
  repositories: readonly RepositoryRecord[],
  quarantine: QuarantineView | undefined,
): Promise<WaitingOfRun | undefined> {
  if (dryRun || state === 'running' || !totals || quarantinedIn(totals) === 0) return undefined;
  if (!quarantine?.registries.includes(registry)) return undefined;
  const names = repositories.flatMap(({ summary }) => (quarantinedIn(summary) > 0 ? summary.repository : []));
  const few = names.length <= MOST_REPOSITORIES ? names : [];
  const query = new URLSearchParams([['registry', registry], ...few.map((name) => ['repository', name])]);
  const { waiting } = await quarantine.read(query);
  const own = waiting.filter(({ runId }) => runId === id);
  const [until] = own.map((one) => one.until).sort();
  if (until === undefined) return undefined;
  const images = new Set(own.map(({ repository, root }) => `${repository}@${root}`)).size;
  return { images, until, over: own.filter(({ isOver }) => isOver).length };
}
