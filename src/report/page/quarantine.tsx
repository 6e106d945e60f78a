import { quote } from 'shlex';
import { type QuarantineReport, releasedInWords, type Waiting, waitingInWords } from '../quarantine.ts';
import { shortDigests } from '../text.ts';
import { render } from './document.tsx';
import { bytes, count, name, plural, words } from './format.ts';
import { Form, Search, type Setting } from './navigation.tsx';
import { Badge, Command, Digest, Section, Table, Time } from './parts.tsx';

/* What is unreadable and waits for its deletion, image by image, and the forms that make it readable again. */

export interface QuarantinePage {
  /** The registries that the app serves. */
  readonly registries: readonly string[];
  /** Only these repositories were asked for; none: all. */
  readonly repositories: readonly string[];
  readonly report: QuarantineReport;
}

/** An image in quarantine, with what belongs to it. */
interface Image {
  readonly repository: string;
  readonly root: string;
  readonly parts: readonly Waiting[];
}

const MOST_IMAGES = 100;
const MOST_REPOSITORIES = 50;
const MOST_TAGS = 5;
const MOST_RELEASED = 20;

export function renderQuarantinePage(setting: Setting, { registries, repositories, report }: QuarantinePage): string {
  const { registry, waiting, released } = report;
  const images = imagesOf(waiting);
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
              caption={captionOf(images)}
              rows={images.slice(0, MOST_IMAGES)}
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
            <ReleaseMany setting={setting} registry={registry} repositories={repositories} report={report} />
            <ByCommand images={images} />
          </Section>
        )}
        {released.length > 0 && <Released report={report} />}
      </>
    ),
  });
}

/** Images in the order in which the first of their parts comes. */
function imagesOf(waiting: readonly Waiting[]): readonly Image[] {
  const images = new Map<string, Waiting[]>();
  for (const one of waiting) {
    const key = `${one.repository}@${one.root}`;
    const known = images.get(key);
    if (known) known.push(one);
    else images.set(key, [one]);
  }
  return [...images.values()].flatMap((parts) => {
    const [first] = parts;
    return first ? [{ repository: first.repository, root: first.root, parts }] : [];
  });
}

function captionOf(images: readonly Image[]): string {
  return images.length > MOST_IMAGES
    ? `The first ${count(MOST_IMAGES)} of ${plural(images.length, 'image')}, by when they may be deleted`
    : `${plural(images.length, 'image')}, by when they may be deleted`;
}

function earliest(parts: readonly Waiting[], of: 'since' | 'until'): string {
  return parts.map((one) => one[of]).sort()[0] ?? '';
}

function sizeOf(parts: readonly Waiting[]): number {
  return parts.reduce((sum, { kind, size = 0 }) => sum + (kind === 'manifest' ? size : 0), 0);
}

/** The names that people pull it by. */
function tagsOf(parts: readonly Waiting[]): readonly string[] {
  return [
    ...new Set(
      parts.flatMap(({ kind, tag, tags, digest, root }) =>
        kind === 'tag' ? (tag ?? []) : digest === root ? tags : [],
      ),
    ),
  ];
}

function Picker({ setting, registries, repositories, report }: { readonly setting: Setting } & QuarantinePage) {
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
      {registries.length > 1 && (
        <label class="broad">
          Registry
          <select name="registry">
            {registries.map((one) => (
              <option selected={one === report.registry}>{name(one)}</option>
            ))}
          </select>
        </label>
      )}
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

interface ReleaseProps {
  readonly setting: Setting;
  readonly registry: string;
}

function Release({ setting, registry, image: { repository, root, parts } }: ReleaseProps & { readonly image: Image }) {
  const forms = setting.viewer?.forms;
  if (!forms) return null;
  const [tag] = tagsOf(parts);
  const known = tag === undefined ? shortDigests(`${repository}@${root}`) : `${repository}:${tag}`;
  return (
    <form method="post" action="?">
      <Hidden token={forms.token} registry={registry} />
      <input type="hidden" name="repository" value={repository} />
      <input type="hidden" name="reference" value={root} />
      <button type="submit" aria-label={`Release ${name(known)}`}>
        Release
      </button>
    </form>
  );
}

function Hidden({ token, registry }: { readonly token: string; readonly registry: string }) {
  return (
    <>
      <input type="hidden" name="action" value="release" />
      <input type="hidden" name="registry" value={registry} />
      <input type="hidden" name="csrf" value={token} />
    </>
  );
}

/** Everything of the registry, behind one more click. */
function ReleaseMany({
  setting,
  registry,
  repositories,
  report: { total },
}: ReleaseProps & Pick<QuarantinePage, 'repositories' | 'report'>) {
  const forms = setting.viewer?.forms;
  // All of some repositories is not asked for at once: the form would say more than it shows.
  if (!forms || repositories.length > 0) return null;
  return (
    <details class="review">
      <summary>Release everything</summary>
      <form class="decide" method="post" action="?" aria-label="Release everything">
        <Hidden token={forms.token} registry={registry} />
        <input type="hidden" name="all" value="yes" />
        <p>
          All {plural(total.images, 'image')} in quarantine in {name(registry)} can be pulled again. The next run
          decides anew, and puts back what the policy deletes and what is not kept by then.
        </p>
        <p>
          <button type="submit">Release all</button>{' '}
          <span class="small quiet">as {name(setting.viewer.name)}, which is recorded</span>
        </p>
      </form>
    </details>
  );
}

function OnlyReading({ setting: { viewer } }: { readonly setting: Setting }) {
  if (!viewer || viewer.forms) return null;
  return (
    <p class="small quiet">
      You have signed in as {name(viewer.name)}, and may read. Releasing takes the app role{' '}
      <code>Retention.Approver</code>.
    </p>
  );
}

function ByCommand({ images: [first] }: { readonly images: readonly Image[] }) {
  if (!first) return null;
  const [tag] = tagsOf(first.parts);
  const image = tag === undefined ? `${first.repository}@${first.root}` : `${first.repository}:${tag}`;
  return (
    <details class="review">
      <summary>Release on the command line, or over HTTP</summary>
      <p>One image, with all that belongs to it; or what one run put here; or everything.</p>
      <Command text={`acr-retention release ${words(quote(image))}`} label="command that releases the first image" />
      <p class="small quiet">
        Machines send <code>POST /api/quarantine/release</code> with the master key.
      </p>
    </details>
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
