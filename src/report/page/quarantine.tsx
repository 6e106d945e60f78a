import { type QuarantineReport, releasedInWords, type Waiting, waitingInWords } from '../quarantine.ts';
import { shortDigests } from '../text.ts';
import { render } from './document.tsx';
import { bytes, count, name, plural, words } from './format.ts';
import { ChooseRegistry, Form, Pager, Search, type Setting } from './navigation.tsx';
import { ByCommand, type Image, imagesOf, OnlyReading, Release, ReleaseMany, tagsOf } from './quarantine-forms.tsx';
import { Badge, Digest, Section, Table, Time } from './parts.tsx';

/* What is unreadable and waits for its deletion, image by image, and the forms that make it readable again. */

export interface QuarantinePage {
  /** The registries that the app serves. */
  readonly registries: readonly string[];
  /** Only these repositories were asked for; none: all. */
  readonly repositories: readonly string[];
  readonly page: number;
  readonly report: QuarantineReport;
}

const MOST_IMAGES = 100;
const MOST_REPOSITORIES = 50;
const MOST_TAGS = 5;
const MOST_RELEASED = 20;

export function renderQuarantinePage(
  setting: Setting,
  { registries, repositories, page, report }: QuarantinePage,
): string {
  const { registry, waiting, released } = report;
  const images = imagesOf(waiting);
  const [skipped, end] = [(page - 1) * MOST_IMAGES, page * MOST_IMAGES];
  const shown = images.slice(skipped, end);
  const to = (wanted: number): string =>
    `${setting.link({ view: 'quarantine', registry, repository: repositories[0], page: wanted > 1 ? wanted : undefined })}#images`;
  return render({
    setting,
    title: 'Quarantine',
    here: 'quarantine',
    children: (
      <>
        <h1>Quarantine</h1>
        <p class="quiet">
          What is in quarantine is unreadable: pulls of it fail, and what runs goes on running. A run deletes it once
          its time is over, unless it finds a reason to keep it. Until then it can be released. This page is by the
          record; the registry itself is not asked.
        </p>
        {(registries.length > 1 || report.repositories.length > 1 || repositories.length > 0) && (
          <Picker setting={setting} registries={registries} repositories={repositories} report={report} />
        )}
        <Section id="waiting" title={name(registry)}>
          {waiting.length === 0 ? (
            <p class="card">
              Nothing is in quarantine{repositories.length > 0 && ` in ${name(repositories.join(', '))}`}.
            </p>
          ) : (
            <p>{words(waitingInWords(report))}</p>
          )}
          {report.repositories.length > 1 && <Repositories setting={setting} report={report} />}
        </Section>
        {images.length > 0 && (
          <Section id="images" title="Images">
            <OnlyReading setting={setting} />
            <Table
              caption={captionOf(images.length, skipped, shown.length)}
              rows={shown}
              columns={[
                { head: 'Image', cell: (image) => <Name setting={setting} image={image} /> },
                { head: 'Why', cell: (image) => <Why image={image} /> },
                { head: 'Since', cell: ({ parts }) => <Time iso={earliest(parts, 'since')} /> },
                { head: 'Until', cell: ({ parts }) => <Until parts={parts} /> },
                {
                  head: 'Size, at most',
                  number: true,
                  cell: ({ parts }) => (sizeOf(parts) === 0 ? '–' : bytes(sizeOf(parts))),
                },
                ...(setting.viewer?.forms
                  ? [
                      {
                        head: 'Release',
                        cell: (image: Image) => <Release setting={setting} registry={registry} image={image} />,
                      },
                    ]
                  : []),
              ]}
            />
            <Pager
              label="Pages of images"
              back={page > 1 && { href: to(page - 1), text: 'Previous images' }}
              next={images.length > end && { href: to(page + 1), text: 'Next images' }}
            />
            <ReleaseMany setting={setting} registry={registry} repositories={repositories} report={report} />
            <ByCommand images={images} />
          </Section>
        )}
        {released.length > 0 && <Released report={report} />}
      </>
    ),
  });
}

function captionOf(all: number, skipped: number, shown: number): string {
  if (shown === 0) return `There are no more: ${plural(all, 'image')} in all`;
  if (shown === all) return `${plural(all, 'image')}, by when they may be deleted`;
  return `${count(skipped + 1)} to ${count(skipped + shown)} of ${plural(all, 'image')}, by when they may be deleted`;
}

function earliest(parts: readonly Waiting[], of: 'since' | 'until'): string {
  return parts.map((one) => one[of]).sort()[0] ?? '';
}

function sizeOf(parts: readonly Waiting[]): number {
  return parts.reduce((sum, { kind, size = 0 }) => sum + (kind === 'manifest' ? size : 0), 0);
}

function Picker({
  setting,
  registries,
  repositories,
  report,
}: { readonly setting: Setting } & Omit<QuarantinePage, 'page'>) {
  const [only] = repositories;
  return (
    <Form
      setting={setting}
      label="Choose what is shown"
      hidden={{ view: 'quarantine', ...(registries.length === 1 && { registry: registries[0] }) }}
      button="Show"
      clear={
        only === undefined
          ? undefined
          : { href: setting.link({ view: 'quarantine', registry: report.registry }), text: 'All repositories' }
      }
    >
      {registries.length > 1 && <ChooseRegistry registries={registries} chosen={report.registry} />}
      <Search
        label="Repository, whole name"
        broad
        name="repository"
        value={only}
        names={report.repositories.map((one) => one.repository)}
      />
    </Form>
  );
}

function Repositories({ setting, report }: { readonly setting: Setting; readonly report: QuarantineReport }) {
  const { registry, repositories } = report;
  return (
    <Table
      caption={
        repositories.length > MOST_REPOSITORIES
          ? `The largest ${count(MOST_REPOSITORIES)} of ${plural(repositories.length, 'repository')}`
          : `${plural(repositories.length, 'repository')}, the largest first`
      }
      rows={repositories.slice(0, MOST_REPOSITORIES)}
      columns={[
        {
          head: 'Repository',
          cell: ({ repository }) => (
            <a class="name" href={setting.link({ view: 'quarantine', registry, repository })}>
              {name(repository)}
            </a>
          ),
        },
        { head: 'Images', number: true, cell: ({ images }) => count(images) },
        { head: 'Tags', number: true, cell: ({ tags }) => count(tags) },
        { head: 'Manifests', number: true, cell: ({ manifests }) => count(manifests) },
        { head: 'Size, at most', number: true, cell: (one) => bytes(one.bytes) },
        { head: 'First deletion from', cell: ({ until }) => <Time iso={until} /> },
      ]}
    />
  );
}

function Name({ setting, image: { repository, root, parts } }: { readonly setting: Setting; readonly image: Image }) {
  const tags = tagsOf(parts);
  const [first] = tags;
  const known = first === undefined ? `${repository}@${root}` : `${repository}:${first}`;
  const others = tags.slice(1, MOST_TAGS);
  const along = parts.filter(({ kind, digest }) => kind === 'manifest' && digest !== root).length;
  const isWhole = parts.some(({ kind, digest }) => kind === 'manifest' && digest === root);
  const more = tags.length > MOST_TAGS ? ` and ${count(tags.length - MOST_TAGS)} more` : '';
  const notes = [
    ...(others.length > 0 ? [`also ${name(others.join(', '))}${more}`] : []),
    ...(along > 0 ? [`with ${plural(along, 'manifest')} that ${along === 1 ? 'belongs' : 'belong'} to it`] : []),
    ...(!isWhole && along === 0 ? ['the tag alone: its manifest is kept'] : []),
  ];
  return (
    <>
      <a class="name" href={setting.link({ image: known })}>
        {shortDigests(name(known))}
      </a>
      <p class="detail">
        <Digest digest={root} />
        {notes.length > 0 && ` ${notes.join('; ')}`}
      </p>
    </>
  );
}

/** Why it is to be deleted: of the image itself, else of the first of its parts. */
function Why({ image: { root, parts } }: { readonly image: Image }) {
  const one = parts.find(({ kind }) => kind === 'tag') ?? parts.find(({ digest }) => digest === root) ?? parts[0];
  if (!one) return null;
  return (
    <>
      {words(one.rule === undefined ? one.reason : `${one.reason} (${one.rule})`)}
      <p class="detail">{shortDigests(words(one.detail))}</p>
    </>
  );
}

function Until({ parts }: { readonly parts: readonly Waiting[] }) {
  const isPending = parts.some(({ state }) => state === 'pending');
  return (
    <>
      <Time iso={earliest(parts, 'until')} />
      {parts.some(({ isOver }) => isOver) && (
        <p class="detail">
          <Badge tone="delete">over</Badge> the next run deletes it
        </p>
      )}
      {isPending && (
        <p class="detail">
          <Badge tone="busy">not certain</Badge> a run was about to make it unreadable
        </p>
      )}
    </>
  );
}

function Released({ report }: { readonly report: QuarantineReport }) {
  const rows = report.released.slice(0, MOST_RELEASED);
  return (
    <Section id="released" title="Released">
      <p>{words(releasedInWords(report))}</p>
      <Table
        caption={
          report.released.length > rows.length
            ? `The last ${count(rows.length)} of ${count(report.released.length)}`
            : 'The last first'
        }
        rows={rows}
        columns={[
          {
            head: 'Artifact',
            cell: ({ repository, tag, digest }) => (
              <span class="name">
                {shortDigests(name(tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`))}
              </span>
            ),
          },
          { head: 'Released', cell: ({ at }) => <Time iso={at} /> },
          { head: 'Kept until', cell: ({ until }) => <Time iso={until} /> },
          { head: 'Why', cell: ({ why }) => words(why) },
        ]}
      />
    </Section>
  );
}
