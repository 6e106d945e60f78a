import type { RepositoryRecord } from '../../ledger/records.ts';
import { bytes, count, name, plural, shorten, words } from './format.ts';
import { Badge, OutcomeBadge, Pager, type Setting, Table } from './parts.tsx';
import type { RunView } from './run.tsx';
import type { Tone } from './words.ts';
import { isUnseen, keptIn, nameOf, percentOf } from '../text.ts';

interface Props {
  readonly setting: Setting;
  readonly view: RunView;
}

const STATES: Readonly<Record<RepositoryRecord['summary']['state'], { readonly words: string; readonly tone: Tone }>> =
  {
    done: { words: 'done', tone: 'good' },
    failed: { words: 'failed', tone: 'bad' },
    stopped: { words: 'stopped', tone: 'calm' },
    held: { words: 'held back', tone: 'wait' },
  };

export function Repositories({ setting, view: { run, repositories, page, more, count: all } }: Props) {
  if (all === 0) return null;
  const { link } = setting;
  const goes = run.dryRun ? 'would go' : 'deleted';
  const to = (wanted: number): string => `${link({ run: run.id, page: wanted > 1 ? wanted : undefined })}#repositories`;
  return (
    <section aria-labelledby="repositories">
      <h2 id="repositories">Repositories</h2>
      <Table
        caption={`${plural(all, 'repository')}, those with most deletions first${page > 1 ? `; page ${count(page)}` : ''}`}
        rows={repositories}
        columns={[
          {
            head: 'Repository',
            cell: ({ summary: { repository } }) => (
              <a class="name" href={link({ run: run.id, view: 'decisions', repository })}>
                {name(repository)}
              </a>
            ),
          },
          {
            head: 'State',
            cell: ({ summary: { state } }) => <Badge tone={STATES[state].tone}>{STATES[state].words}</Badge>,
          },
          { head: `Tags ${goes}`, number: true, cell: ({ summary }) => count(summary.tags.deleted) },
          { head: 'keep', number: true, cell: ({ summary }) => kept(summary, 'tags') },
          { head: '%', number: true, cell: ({ summary }) => percentOf(summary, 'tags') ?? '–' },
          { head: `Manifests ${goes}`, number: true, cell: ({ summary }) => count(summary.manifests.deleted) },
          { head: 'keep', number: true, cell: ({ summary }) => kept(summary, 'manifests') },
          { head: '%', number: true, cell: ({ summary }) => percentOf(summary, 'manifests') ?? '–' },
          {
            head: 'Held back',
            number: true,
            cell: (one) => (one.summary.state === 'held' ? count(one.planned.deletions) : '–'),
          },
          { head: 'Size, at most', number: true, cell: ({ summary }) => bytes(summary.bytes) },
        ]}
      />
      <Pager
        named="Pages of repositories"
        back={page > 1 ? { href: to(page - 1), text: 'Previous repositories' } : undefined}
        next={more ? { href: to(page + 1), text: 'Next repositories' } : undefined}
      />
    </section>
  );
}

/** What is there afterwards; of a failed one, and of one that was not begun, that is not known. */
function kept(summary: RepositoryRecord['summary'], kind: 'tags' | 'manifests'): string {
  return summary.state === 'failed' || isUnseen(summary) ? '–' : count(keptIn(summary, kind));
}

/** What went wrong: repositories as a whole, and single artifacts. */
export function Failures({ setting, view: { run, failed, failures } }: Props) {
  const { link } = setting;
  if (failed.count === 0 && failures.length === 0) return null;
  const singles = (run.totals?.tags.failed ?? 0) + (run.totals?.manifests.failed ?? 0);
  return (
    <section class="card bad" aria-labelledby="failures">
      <h2 id="failures">Failures</h2>
      {failed.count > 0 && (
        <>
          <h3>{plural(failed.count, 'repository')} failed</h3>
          <ul>
            {failed.first.map(({ summary: { repository, error } }) => (
              <li>
                <a href={link({ run: run.id, view: 'decisions', repository })}>{name(repository)}</a>
                <Failed error={error} />
              </li>
            ))}
            {failed.count > failed.first.length && <li>… and {plural(failed.count - failed.first.length, 'more')}</li>}
          </ul>
        </>
      )}
      {failures.length > 0 && (
        <>
          <h3>{plural(Math.max(singles, failures.length), 'artifact')} failed or refused</h3>
          <ul>
            {failures.map((decision) => (
              <li>
                <a href={link({ image: nameOf(decision) })}>{shorten(name(nameOf(decision)))}</a>{' '}
                <OutcomeBadge decision={decision} />
                <Failed error={decision.action === 'delete' ? decision.error : undefined} />
              </li>
            ))}
            {singles > failures.length && <li>… and {count(singles - failures.length)} more</li>}
          </ul>
        </>
      )}
    </section>
  );
}

/** An error as it came, with what the registry's support asks for. */
export function Failed({ error }: { readonly error: RepositoryRecord['summary']['error'] }) {
  if (!error) return null;
  const about = [
    error.status === undefined ? undefined : `HTTP ${error.status}`,
    error.code === undefined ? undefined : words(error.code),
    error.correlationId === undefined ? undefined : `correlation id ${words(error.correlationId)}`,
  ].filter((one) => one !== undefined);
  return (
    <p class="error">
      {words(error.message)}
      {about.length > 0 && ` (${about.join(', ')})`}
    </p>
  );
}
