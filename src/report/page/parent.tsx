import type { ChildStatus, ParentStatus } from '../../ledger/records.ts';
import { titleOf } from '../title.ts';
import { render } from './document.tsx';
import { Figures } from './figures.tsx';
import { name, plural, words } from './format.ts';
import { Crumbs, Downloads, type Setting } from './navigation.tsx';
import { Badge, Cancelled, doneInWords, Facts, Progress, RunTitle, Section, StateBadge, Table } from './parts.tsx';
import { CancelForm } from './review-forms.tsx';
import { heldIn, Lede, startFacts } from './run.tsx';
import { deletedColumns, entryOf, State } from './runs.tsx';

/** The runs of several registries that began together. */
export function renderParent(setting: Setting, parent: ParentStatus): string {
  const { record, state, cancelled, children, progress, totals } = parent;
  const { id, registries, holder } = record;
  const entry = entryOf(parent);
  const titled = { ...entry, registries };
  const held = children.reduce((sum, { run }) => sum + (run ? heldIn(run) : 0), 0);
  return render({
    setting,
    title: titleOf(titled, setting.now),
    live: state === 'running' ? doneInWords(progress) : undefined,
    children: (
      <>
        <Crumbs setting={setting} />
        <h1>
          <RunTitle run={titled} now={setting.now} />
        </h1>
        <Lede entry={entry}>
          <code>{words(id)}</code>
        </Lede>
        {state === 'running' && <Progress progress={progress} />}
        <Cancelled title="They were cancelled" cancelled={cancelled}>
          what had not begun by then does not begin any more.
        </Cancelled>
        <CancelForm
          setting={setting}
          of={{ id, state, ...(cancelled && { cancelled }) }}
          label="Cancel the runs of all these registries"
        />
        <Section id="totals" title={state === 'running' ? 'Together, so far' : 'Together'}>
          <Figures totals={totals} isDry={entry.dryRun} held={held} />
        </Section>
        <Section id="registries" title="Registries">
          <Table
            caption={`${plural(children.length, 'registry')}, as the settings name them`}
            rows={children}
            columns={[
              { head: 'Registry', cell: (child) => <Registry setting={setting} child={child} /> },
              { head: 'State', cell: (child) => <ChildState child={child} /> },
              ...deletedColumns(({ run }: ChildStatus) => run),
              { head: 'Why', cell: (child) => <Why child={child} /> },
            ]}
          />
        </Section>
        <Section id="about" title="About these runs">
          <div class="card">
            <Facts facts={[...startFacts(record, entry, setting.now), ['Machine', holder && words(holder.host)]]} />
          </div>
          <Downloads setting={setting} what="the decisions of all" parameters={{ run: id }} />
        </Section>
      </>
    ),
  });
}

function Registry({ setting, child: { registry, run } }: { readonly setting: Setting; readonly child: ChildStatus }) {
  if (!run) return <span class="name host">{name(registry)}</span>;
  return (
    <a class="name host" href={setting.link({ run: run.id })}>
      {name(registry)}
    </a>
  );
}

function ChildState({ child: { run, state } }: { readonly child: ChildStatus }) {
  if (run) return <State entry={run} />;
  return state === 'not-begun' ? <Badge tone="calm">not begun</Badge> : <StateBadge state={state} />;
}

/** Why a registry was not finished. */
function Why({ child: { run, error, notBegun } }: { readonly child: ChildStatus }) {
  const failed = run ? run.error?.message : notBegun === undefined ? error?.message : undefined;
  const stopped = run ? run.stopped?.detail : notBegun === undefined ? undefined : error?.message;
  return (
    <>
      {failed !== undefined && <p class="error">{words(failed)}</p>}
      {stopped !== undefined && <p class="detail">{words(stopped)}</p>}
      {failed === undefined && stopped === undefined && '–'}
    </>
  );
}
