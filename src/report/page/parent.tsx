import { cancelledInWords, type ChildStatus, type ParentStatus } from '../../ledger/records.ts';
import { whoBegan } from '../who.ts';
import { render } from './document.tsx';
import { bytes, count, name, plural, words } from './format.ts';
import { Badge, Facts, Figures, type Setting, StateBadge, Table, Time } from './parts.tsx';
import { isDry, State, together, Went } from './runs.tsx';
import { KINDS, STATES } from './words.ts';

/** The runs of several registries that began together. */
export function renderParent(setting: Setting, parent: ParentStatus): string {
  const { record, state, cancelled, children, progress } = parent;
  const { id, registries } = record;
  const done = `${count(progress.done)} of ${plural(progress.of, 'repository')} done`;
  return render({
    setting,
    title: `Runs ${id}`,
    live: state === 'running' ? done : undefined,
    children: (
      <>
        <p class="crumbs">
          <a href={setting.link()}>Runs</a>
        </p>
        <h1>{plural(registries.length, 'registry')}</h1>
        <div class="lede">
          <StateBadge state={state} />
          <code>{words(id)}</code>
          {isDry(parent) && record.kind !== 'dry-run' && <Badge tone="calm">dry run</Badge>}
          <span>{STATES[state].means}</span>
        </div>
        {state === 'running' && (
          <p>
            <progress value={progress.done} max={Math.max(progress.of, 1)} aria-label="Repositories done" /> {done}
          </p>
        )}
        {cancelled && (
          <section class="card wait" aria-label="Whether the runs were cancelled">
            <h2>They were cancelled</h2>
            <p>{words(cancelledInWords(cancelled))}: what was not begun by then is not begun any more</p>
          </section>
        )}
        <Sums parent={parent} />
        <section aria-labelledby="registries">
          <h2 id="registries">Registries</h2>
          <Table
            caption={`${plural(children.length, 'registry')}, as the settings name them`}
            rows={children}
            columns={[
              { head: 'Registry', cell: (child) => <Registry setting={setting} child={child} /> },
              {
                head: 'State',
                cell: ({ run, state: of }) =>
                  run ? (
                    <State of={run} />
                  ) : of === 'not-begun' ? (
                    <Badge tone="calm">not begun</Badge>
                  ) : (
                    <StateBadge state={of} />
                  ),
              },
              {
                head: 'Tags deleted',
                number: true,
                cell: ({ run }) => (run ? <Went run={run} counts={run.totals?.tags} /> : '–'),
              },
              {
                head: 'Manifests deleted',
                number: true,
                cell: ({ run }) => (run ? <Went run={run} counts={run.totals?.manifests} /> : '–'),
              },
              { head: 'Size, at most', number: true, cell: ({ run }) => (run?.totals ? bytes(run.totals.bytes) : '–') },
              { head: 'Why', cell: (child) => <Why child={child} /> },
            ]}
          />
        </section>
        <section aria-labelledby="about">
          <h2 id="about">About these runs</h2>
          <div class="card">
            <Facts
              facts={[
                ['Kind', KINDS[record.kind]],
                ['Started by', words(record.startedBy)],
                [whoBegan(record)?.[0] ?? '', record.by === undefined ? undefined : words(record.by)],
                ['Started', <Time iso={record.started} />],
                ['Duration', together(parent, setting.now)],
                ['Machine', record.holder && words(record.holder.host)],
              ]}
            />
          </div>
          <p class="small">
            Download the decisions of all:{' '}
            <a href={setting.link({ run: id, format: 'csv' })} download>
              CSV
            </a>
            ,{' '}
            <a href={setting.link({ run: id, format: 'ndjson' })} download>
              NDJSON
            </a>
          </p>
        </section>
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

/** What kept a registry from being done. */
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

function Sums({ parent }: { readonly parent: ParentStatus }) {
  const { totals, state } = parent;
  return (
    <section aria-labelledby="totals">
      <h2 id="totals">{state === 'running' ? 'Together, so far' : 'Together'}</h2>
      <Figures totals={totals} isDry={isDry(parent)} />
    </section>
  );
}
