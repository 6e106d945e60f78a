import type { RepositoryRecord } from '../../ledger/records.ts';
import { nameOf } from '../../ledger/summary.ts';
import { shortDigests } from '../text.ts';
import { isUnseen, keptIn, percentOf } from '../totals.ts';
import { bytes, count, name, plural } from './format.ts';
import { Pager, type Setting } from './navigation.tsx';
import { Badge, type Column, Failed, FirstOf, Notice, OutcomeBadge, Section, Table } from './parts.tsx';
import type { RunView } from './run.tsx';
import { REPOSITORY_TONES } from './words.ts';

interface Props {
  readonly setting: Setting;
  readonly view: RunView;
}

export function Repositories({ setting: { link }, view: { run, repositories, page, more, count: all } }: Props) {
  if (all === 0) return null;
  const to = (wanted: number): string => `${link({ run: run.id, page: wanted > 1 ? wanted : undefined })}#repositories`;
  const verb = run.dryRun ? 'to delete' : 'deleted';
  const columnsOf = (kind: 'tags' | 'manifests', title: string): readonly Column<RepositoryRecord>[] => [
    { head: `${title} ${verb}`, number: true, cell: ({ summary }) => count(summary[kind].deleted) },
    {
      head: '%',
      number: true,
      cell: ({ summary }) => percentOf(summary, kind) ?? '–',
    },
    { head: 'kept', number: true, cell: ({ summary }) => kept(summary, kind) },
  ];
  const held: Column<RepositoryRecord> = {
    head: 'Held back',
    number: true,
    cell: ({ summary, planned }) => (summary.state === 'held' ? count(planned.deletions) : '–'),
  };
  return (
    <Section id="repositories" title="Repositories">
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
            cell: ({ summary: { state } }) => (
              <Badge tone={REPOSITORY_TONES[state]}>{state === 'held' ? 'held back' : state}</Badge>
            ),
          },
          ...columnsOf('tags', 'Tags'),
          ...columnsOf('manifests', 'Manifests'),
          ...(repositories.some(({ summary }) => summary.state === 'held') ? [held] : []),
          { head: 'Size, at most', number: true, cell: ({ summary }) => bytes(summary.bytes) },
        ]}
      />
      <Pager
        label="Pages of repositories"
        back={page > 1 && { href: to(page - 1), text: 'Previous repositories' }}
        next={more && { href: to(page + 1), text: 'Next repositories' }}
      />
    </Section>
  );
}

/** How many are kept; not known of a repository that failed or was not begun. */
function kept(summary: RepositoryRecord['summary'], kind: 'tags' | 'manifests'): string {
  return summary.state === 'failed' || isUnseen(summary) ? '–' : count(keptIn(summary, kind));
}

/** What went wrong: repositories as a whole, and single artifacts. */
export function Failures({ setting: { link }, view: { run, failed, failures } }: Props) {
  if (failed.count === 0 && failures.length === 0) return null;
  const singles = Math.max((run.totals?.tags.failed ?? 0) + (run.totals?.manifests.failed ?? 0), failures.length);
  return (
    <Notice tone="bad" title="Failures">
      {failed.count > 0 && (
        <>
          <h3>{plural(failed.count, 'repository')} failed</h3>
          <FirstOf items={failed.first} of={failed.count}>
            {({ summary: { repository, error } }) => (
              <>
                <a href={link({ run: run.id, view: 'decisions', repository })}>{name(repository)}</a>
                <Failed error={error} />
              </>
            )}
          </FirstOf>
        </>
      )}
      {failures.length > 0 && (
        <>
          <h3>{plural(singles, 'artifact')} failed or refused</h3>
          <FirstOf items={failures} of={singles}>
            {(decision) => (
              <>
                <a href={link({ image: nameOf(decision) })}>{shortDigests(name(nameOf(decision)))}</a>{' '}
                <OutcomeBadge decision={decision} />
                <Failed error={decision.action === 'delete' ? decision.error : undefined} />
              </>
            )}
          </FirstOf>
        </>
      )}
    </Notice>
  );
}
