import type { ComponentChildren } from 'preact';
import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import { toDeleteIn } from '../../ledger/compare.ts';
import type { RepositorySummary } from '../../ledger/summary.ts';
import {
  approvedBy,
  heldBy,
  REPOSITORY_FILTERS,
  REPOSITORY_SORTS,
  type RepositorySelection,
  type RepositorySort,
} from '../select-repositories.ts';
import { quarantinedIn } from '../quarantine-words.ts';
import { isUnseen, keptIn, notAttemptedIn, percentInWords, shareIn } from '../totals.ts';
import { asksFindings, findingsCell } from './findings.tsx';
import { bytes, count, isPlain, name, plural } from './format.ts';
import { Form, Pager, Search, type Setting } from './navigation.tsx';
import { OpenRepository, type Opened } from './open-repository.tsx';
import { Badge, type Column, Section, Table, Time } from './parts.tsx';
import { REPOSITORY_TONES } from './words.ts';

/** The repositories of a run, as they are asked for. */
export interface RepositoriesView {
  readonly asked: RepositorySelection;
  /** One page of them. */
  readonly rows: readonly RepositoryRecord[];
  readonly page: number;
  /** There is another page. */
  readonly more: boolean;
  /** How many match what is asked for, and how many there are in all. */
  readonly matching: number;
  readonly all: number;
  /** Names to pick one from. */
  readonly names: readonly string[];
  /** The one that is opened; `absent`: the run has none of that name. */
  readonly opened?: Opened | { readonly absent: string } | undefined;
}

interface Props {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly view: RepositoriesView;
  /** The form that approves some of them: each row has a box for it. Absent: none can be approved. */
  readonly approving?: { readonly form: string; readonly can: (record: RepositoryRecord) => boolean } | undefined;
}

const TITLES: Readonly<Record<RepositorySort, string>> = {
  delete: 'Delete',
  keep: 'Keep',
  percent: 'Percent',
  size: 'Size, at most',
  'last-push': 'Last push',
  'in-use': 'In use',
  findings: 'Remove findings',
  'findings-kept': 'Keep findings',
  name: 'Repository',
};

/** Of a run that deletes. */
const DONE_TITLES: Readonly<Partial<Record<RepositorySort, string>>> = {
  delete: 'Deleted',
  keep: 'Kept',
  findings: 'Findings removed',
  'findings-kept': 'Findings kept',
};

const FILTERS: Readonly<Record<(typeof REPOSITORY_FILTERS)[number], string>> = {
  delete: 'with deletions',
  held: 'held back',
  failed: 'failed',
  critical: 'with critical findings kept',
};

/** The address of a run's page that shows the decisions on one repository in their place. */
export function openLink({ link }: Setting, run: Pick<RunRecord, 'id'>, repository: string): string {
  return `${link({ run: run.id, open: repository })}#open`;
}

export function Repositories({ setting, run, view, approving }: Props) {
  const { asked, rows, page, more, matching, all, opened } = view;
  if (all === 0) return null;
  const open = opened && 'record' in opened ? opened.record.summary.repository : undefined;
  const to = (over: Readonly<Record<string, string | number | undefined>>, anchor = 'repositories'): string =>
    `${setting.link({ run: run.id, ...parametersOf(asked), page: page > 1 ? page : undefined, open, ...over })}#${anchor}`;
  const isHeld = heldBy(run);
  const isApproved = approvedBy(run);
  const sorted = (sort: RepositorySort): NonNullable<Column<RepositoryRecord>['sort']> => {
    const isNow = asked.sort === sort;
    const isRising = (sort === 'name') !== asked.reverse;
    return {
      href: to({ sort, reverse: isNow && !asked.reverse ? 'yes' : undefined, page: undefined }),
      is: isNow ? (isRising ? 'ascending' : 'descending') : undefined,
    };
  };
  const column = (
    sort: RepositorySort,
    cell: (summary: RepositorySummary) => ComponentChildren,
  ): Column<RepositoryRecord> => ({
    head: (run.dryRun ? undefined : DONE_TITLES[sort]) ?? TITLES[sort],
    number: true,
    sort: sorted(sort),
    cell: ({ summary }) => cell(summary),
  });
  const named: Column<RepositoryRecord> = {
    head: TITLES.name,
    sort: sorted('name'),
    cell: (record) => {
      const { repository } = record.summary;
      const isOpen = repository === open;
      return (
        <>
          {approving?.can(record) && isPlain(repository) && (
            <input
              type="checkbox"
              class="pick"
              name="repository"
              value={repository}
              form={approving.form}
              aria-label={`Approve ${name(repository)}`}
            />
          )}
          <a
            class="name"
            aria-expanded={isOpen}
            href={isOpen ? to({ open: undefined }) : to({ open: repository }, 'open')}
          >
            {name(repository)}
          </a>
          <StateOf summary={record.summary} isHeld={isHeld(record.summary)} isApproved={isApproved(repository)} />
        </>
      );
    },
  };
  return (
    <Section id="repositories" title="Repositories">
      <Picker setting={setting} run={run} view={view} />
      {opened && 'absent' in opened && <p class="card">The run has no repository {name(opened.absent)}.</p>}
      {rows.length === 0 ? (
        <p class="card">{page > 1 ? 'There are no more repositories.' : 'No repository matches.'}</p>
      ) : (
        <Table
          caption={captionOf(view)}
          rows={rows}
          below={({ summary }) =>
            opened && 'record' in opened && summary.repository === open ? (
              <OpenRepository setting={setting} run={run} opened={opened} />
            ) : undefined
          }
          columns={[
            named,
            column('delete', (summary) => deletedIn(summary)),
            column('keep', (summary) => (isKnown(summary) ? counted((kind) => keptIn(summary, kind)) : '–')),
            column('percent', (summary) => shareInWords(summary)),
            column('size', (summary) => bytes(summary.bytes)),
            column('last-push', ({ listed: { lastPush } }) => (lastPush === undefined ? '–' : <Time iso={lastPush} />)),
            ...(isUseKnown(run)
              ? [column('in-use', ({ listed: { inUse } }) => (inUse === undefined ? '–' : plural(inUse, 'image')))]
              : []),
            ...(asksFindings(run)
              ? [
                  column('findings', ({ findings }) => findingsCell(findings?.removed)),
                  column('findings-kept', ({ findings }) => findingsCell(findings?.kept)),
                ]
              : []),
          ]}
        />
      )}
      <Pager
        label="Pages of repositories"
        back={page > 1 && { href: to({ page: page > 2 ? page - 1 : undefined }), text: 'Previous repositories' }}
        next={more && { href: to({ page: page + 1 }), text: 'Next repositories' }}
      />
    </Section>
  );

  function captionOf(shown: RepositoriesView): string {
    const which = matching === all ? plural(all, 'repository') : `${count(matching)} of ${plural(all, 'repository')}`;
    const order = asked.sort === 'name' ? 'by name' : `by “${TITLES[asked.sort]}”`;
    return `${which}, ${order}${asked.reverse ? ', reversed' : ''}${shown.page > 1 ? `; page ${count(shown.page)}` : ''}`;
  }
}

/** The parameters of an address that ask for these repositories again; what is usual is left out. */
function parametersOf({
  sort,
  reverse,
  find,
  only,
}: RepositorySelection): Readonly<Record<string, string | undefined>> {
  return { find, only, sort: sort === 'delete' ? undefined : sort, reverse: reverse ? 'yes' : undefined };
}

/** Whether a source that says what is in use was asked. */
function isUseKnown({ evidence = [] }: RunRecord): boolean {
  return evidence.length > 0;
}

function isSortShown(sort: RepositorySort, run: RunRecord): boolean {
  if (sort === 'in-use') return isUseKnown(run);
  return (sort !== 'findings' && sort !== 'findings-kept') || asksFindings(run);
}

/** Finds repositories by a part of their name, and those that lose something, are held back, or failed. */
function Picker({ setting, run, view: { asked, all, names } }: Omit<Props, 'approving'>) {
  if (all < 2) return null;
  const isNarrowed = asked.find !== undefined || asked.only !== undefined;
  return (
    <Form
      setting={setting}
      label="Find repositories"
      hidden={{ run: run.id, reverse: asked.reverse ? 'yes' : undefined }}
      action="#repositories"
      button="Find"
      clear={
        isNarrowed ? { href: `${setting.link({ run: run.id })}#repositories`, text: 'All repositories' } : undefined
      }
    >
      <Search label="Repository, or part of its name" name="find" value={asked.find} names={names} broad />
      <label>
        Show
        <select name="only">
          <option value="">all</option>
          {REPOSITORY_FILTERS.filter((filter) => filter !== 'critical' || asksFindings(run)).map((filter) => (
            <option value={filter} selected={filter === asked.only}>
              {FILTERS[filter]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Sort by
        <select name="sort">
          {REPOSITORY_SORTS.filter((sort) => isSortShown(sort, run)).map((sort) => (
            <option value={sort} selected={sort === asked.sort}>
              {TITLES[sort]}
            </option>
          ))}
        </select>
      </label>
    </Form>
  );
}

/** Tags and manifests: below each other, or in a line where that is narrow. */
function counted(of: (kind: 'tags' | 'manifests') => number, more = '') {
  return (
    <span class="pair">
      <span>{plural(of('tags'), 'tag')}</span>
      <span>{plural(of('manifests'), 'manifest')}</span>
      {more !== '' && <span>{more}</span>}
    </span>
  );
}

function deletedIn(summary: RepositorySummary) {
  const held = summary.state === 'held' ? notAttemptedIn(summary) : 0;
  const quarantined = quarantinedIn(summary);
  const more = [
    ...(quarantined > 0 ? [`${count(quarantined)} quarantined`] : []),
    ...(held > 0 ? [`${count(held)} held back`] : []),
  ];
  return counted((kind) => summary[kind].deleted, more.join(', '));
}

function shareInWords(summary: RepositorySummary): string {
  if (!isKnown(summary)) return '–';
  const share = shareIn(summary);
  return share ? percentInWords(share.percent) : '0 %';
}

/** Nothing is known of a repository that failed as a whole, or was not begun. */
function isKnown(summary: RepositorySummary): boolean {
  return summary.state !== 'failed' && !isUnseen(summary);
}

interface StateProps {
  readonly summary: RepositorySummary;
  readonly isHeld: boolean;
  readonly isApproved: boolean;
}

function StateOf({ summary, isHeld, isApproved }: StateProps) {
  const { state, tags, manifests } = summary;
  const failed = tags.failed + manifests.failed;
  return (
    <>
      {isHeld && <Badge tone="wait">held back</Badge>}
      {isApproved && toDeleteIn(summary) > 0 && <Badge tone="good">approved</Badge>}
      {state !== 'done' && state !== 'held' && <Badge tone={REPOSITORY_TONES[state]}>{state}</Badge>}
      {failed > 0 && <Badge tone="bad">{count(failed)} failed</Badge>}
    </>
  );
}
