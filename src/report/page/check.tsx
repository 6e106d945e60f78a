import { CHECK_KINDS, CHECK_STATES, type CheckKind, type RegistryCheck } from '../../ledger/checks.ts';
import { countOf, isFine, STATE_OF } from '../check-registry.ts';
import { shortDigests } from '../text.ts';
import { render } from './document.tsx';
import { count, minute, name, plural, words } from './format.ts';
import { ChooseRegistry, Form, type Setting } from './navigation.tsx';
import { Badge, Command, Notice, Section, Table, Time } from './parts.tsx';

/* What the last check of a registry has found, the worst first, and the form that checks it anew. */

export interface CheckPage {
  /** The registries that the app serves. */
  readonly registries: readonly string[];
  readonly registry: string;
  /** Absent: nothing was checked yet. */
  readonly check?: RegistryCheck | undefined;
}

/** Findings of a kind that are shown. */
const MOST_SHOWN = 50;

const TONES = { broken: 'bad', 'not known': 'wait', 'left over': 'calm' } as const;

const MEANS: Readonly<Record<CheckKind, string>> = {
  'tag-without-manifest': 'Tags without a manifest',
  'manifest-gone': 'Listed, and not there',
  'platform-missing': 'A platform is missing',
  unreadable: 'Unreadable, outside quarantine',
  'not-known': 'Not looked at',
  'referrer-without-image': 'Referrers without an image',
  'signature-without-image': 'Signature tags without an image',
  hidden: 'Hidden from listings',
  'locked-and-old': 'Locked and old',
  'repository-locked': 'Locked repositories',
  'repository-empty': 'Empty repositories',
};

export function renderCheckPage(setting: Setting, { registries, registry, check }: CheckPage): string {
  return render({
    setting,
    title: name(`Check, ${registry}`),
    here: 'check',
    children: (
      <>
        <h1>{name(`Check, ${registry}`)}</h1>
        <p class="quiet">
          What is broken or left over in the registry, whichever client did it. This page shows the last result; a check
          reads the registry, and changes nothing in it.
        </p>
        {registries.length > 1 && (
          <Form setting={setting} label="Choose what is shown" hidden={{ view: 'check' }} button="Show">
            <ChooseRegistry registries={registries} chosen={registry} />
          </Form>
        )}
        {check ? <Result check={check} /> : <p class="card">This registry was not checked yet.</p>}
        <CheckNow setting={setting} registry={registry} />
        {check && CHECK_KINDS.map((kind) => <Kind kind={kind} check={check} />)}
      </>
    ),
  });
}

function Result({ check }: { readonly check: RegistryCheck }) {
  const { at, repositories } = check;
  const left = repositories.of - repositories.checked;
  return (
    <Section id="result" title="The last result">
      <p>
        <Badge tone={isFine(check) ? 'good' : countOf(check, 'broken') > 0 ? 'bad' : 'wait'}>
          {isFine(check) ? 'nothing is broken' : countOf(check, 'broken') > 0 ? 'broken' : 'not known'}
        </Badge>{' '}
        {CHECK_STATES.map((state) => `${count(countOf(check, state))} ${state}`).join(', ')} in{' '}
        {plural(repositories.checked, 'repository')}. Checked on <Time iso={at} />.
      </p>
      {left > 0 && (
        <Notice tone="wait" title="Not everything was looked at">
          <p>
            {plural(left, 'repository')} of {count(repositories.of)} could not be looked at completely, so what is in
            them is not known. The command line takes as long as it needs: <code>acr-retention check</code>, with the
            storage of this app.
          </p>
        </Notice>
      )}
    </Section>
  );
}

/** For those who may; the others are told what checks. */
function CheckNow({ setting: { viewer }, registry }: { readonly setting: Setting; readonly registry: string }) {
  if (viewer?.forms)
    return (
      <form class="decide" method="post" action="?" aria-label="Check now">
        <input type="hidden" name="action" value="check" />
        <input type="hidden" name="registry" value={registry} />
        <input type="hidden" name="csrf" value={viewer.forms.token} />
        <p>
          <button type="submit">Check now</button>{' '}
          <span class="small quiet">takes a minute at most; what is not looked at until then is named</span>
        </p>
      </form>
    );
  return (
    <details class="review">
      <summary>Check on the command line, or over HTTP</summary>
      <Command text={`acr-retention check -r ${name(registry)}`} label="command that checks the registry" />
      <p class="small quiet">
        Machines send <code>POST /api/check</code> with a function key.
        {viewer && (
          <>
            {' '}
            You have signed in as {name(viewer.name)}, and may read. Checking on this page takes the app role{' '}
            <code>Retention.Approver</code>.
          </>
        )}
      </p>
    </details>
  );
}

function Kind({ kind, check }: { readonly kind: CheckKind; readonly check: RegistryCheck }) {
  const all = check.counts[kind] ?? 0;
  if (all === 0) return null;
  const rows = check.findings.filter((one) => one.kind === kind).slice(0, MOST_SHOWN);
  const state = STATE_OF[kind];
  return (
    <Section id={kind} title={`${MEANS[kind]}: ${count(all)}`}>
      <p>
        <Badge tone={TONES[state]}>{state}</Badge>
        {all > rows.length && ` ${count(all - rows.length)} more are not shown here: GET /api/check lists up to 500.`}
      </p>
      {rows.length > 0 && (
        <Table
          caption={`${MEANS[kind]}, ${count(rows.length)} of ${count(all)}`}
          rows={rows}
          columns={[
            {
              head: 'What',
              cell: ({ says }) => <span class="name">{shortDigests(words(says))}</span>,
            },
            {
              head: 'Since, at the earliest',
              cell: ({ since }) => (since === undefined ? '–' : <span title={name(since)}>{minute(since)}</span>),
            },
            { head: 'What to do', cell: ({ todo }) => <Todo todo={todo} /> },
          ]}
        />
      )}
    </Section>
  );
}

/** A sentence; where it ends with a command, that command to copy whole. */
function Todo({ todo }: { readonly todo: string }) {
  const [, says = todo, command] = /^([^:]*): ((?:az|acr-retention restore) .*)$/.exec(todo) ?? [];
  return (
    <>
      {words(says)}
      {command === undefined ? '.' : ': '}
      {command !== undefined && <code class="name">{words(command)}</code>}
    </>
  );
}
