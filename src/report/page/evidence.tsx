import { quote } from 'shlex';
import type { EvidenceRecord, RunRecord } from '../../ledger/records.ts';
import type { UseOfImage } from '../../ledger/uses-of.ts';
import { printable } from '../escape.ts';
import { count, name, words } from './format.ts';
import { Badge, Command, Digest, FirstOf, Notice, Section, Table, Time } from './parts.tsx';

/** Rows of a table of uses. */
const MOST_USES = 100;

/** What a run could not find out, and what to do about it: before anything else, for nothing was deleted. */
export function UnknownUse({ run: { evidence = [], registry, dryRun } }: { readonly run: RunRecord }) {
  const missing = evidence.filter(({ complete }) => !complete);
  if (missing.length === 0) return null;
  return (
    <Notice tone="bad" title="What is in use is not known">
      <p>
        {dryRun ? 'A purge would keep' : 'It kept'} everything that a source which could not be read may be about. Set
        right what each says, and start the run again:
      </p>
      <FirstOf items={missing} of={missing.length}>
        {({ source, problems = [] }) => (
          <>
            <strong>{words(source)}</strong>: {words(problems.join('; '))}
          </>
        )}
      </FirstOf>
      <p>To see what a source may not read now (or ask the app for /api/in-use):</p>
      <Command text={printable(`acr-retention in-use -r ${quote(registry)}`)} label="command to try the sources" />
    </Notice>
  );
}

/** What a run rests on, by source. */
export function EvidenceSection({ run: { evidence = [] } }: { readonly run: RunRecord }) {
  if (evidence.length === 0) return null;
  return (
    <Section id="evidence" title="What is in use">
      <Table
        caption="What this run knew of the use of its images, by source"
        rows={evidence}
        columns={[
          {
            head: 'Source',
            cell: ({ source, scope }: EvidenceRecord) => (
              <>
                <span class="name">{words(source)}</span>
                <p class="detail">{words(scope)}</p>
              </>
            ),
          },
          {
            head: 'Read',
            cell: ({ complete }) => (
              <Badge tone={complete ? 'good' : 'bad'}>{complete ? 'completely' : 'in part'}</Badge>
            ),
          },
          { head: 'As of', cell: ({ observedAt }) => <Time iso={observedAt} /> },
          { head: 'Images in use', number: true, cell: ({ images }) => count(images) },
        ]}
      />
    </Section>
  );
}

/** Where an image runs, or ran. */
export function UsesSection({ uses }: { readonly uses: readonly UseOfImage[] }) {
  if (uses.length === 0) return null;
  const shown = uses.slice(0, MOST_USES);
  return (
    <Section id="uses" title="In use">
      <Table
        caption="Where runs have seen this image in use"
        rows={shown}
        columns={[
          {
            head: 'Where',
            cell: ({ where, source, registry }) => (
              <>
                <span class="name">{words(where)}</span>
                <p class="detail">
                  {words(source)}, {name(registry)}
                </p>
              </>
            ),
          },
          {
            head: 'As',
            cell: ({ tag, digest }) => (
              <>
                {tag !== undefined && <span class="name">{name(tag)} </span>}
                {digest !== undefined && <Digest digest={digest} />}
              </>
            ),
          },
          { head: 'First seen', cell: ({ first }) => <Time iso={first} /> },
          { head: 'Last seen', cell: ({ last }) => <Time iso={last} /> },
        ]}
      />
      {uses.length > shown.length && <p class="quiet small">… and {count(uses.length - shown.length)} more</p>}
    </Section>
  );
}
