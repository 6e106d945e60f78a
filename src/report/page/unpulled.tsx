import { type UnpulledImage, unpulledInWords, type UnpulledReport } from '../unpulled.ts';
import { render } from './document.tsx';
import { bytes, count, name, plural, words } from './format.ts';
import { ChooseRegistry, Form, Pager, type Setting } from './navigation.tsx';
import { Digest, FirstOf, Notice, Section, Table } from './parts.tsx';

export interface UnpulledPage {
  /** The registries that can be asked. */
  readonly registries: readonly string[];
  /** What is asked for, as it was given. */
  readonly asked: { readonly registry?: string | undefined; readonly for: string; readonly after?: string | undefined };
  /** Absent: nothing was asked for yet. */
  readonly report?: UnpulledReport | undefined;
}

/** Tags that a row shows. */
const MAX_TAGS = 5;
const MAX_PROBLEMS = 20;

export function renderUnpulledPage(setting: Setting, { registries, asked, report }: UnpulledPage): string {
  return render({
    setting,
    title: 'Not pulled',
    here: 'unpulled',
    children: (
      <>
        <h1>Not pulled</h1>
        <p class="quiet">
          Images that no client has pulled for some time, as the registry’s log says. What the app reads itself is no
          pull here, and neither is what PULL_IGNORE names. This page deletes nothing.
        </p>
        <Form setting={setting} label="Choose a registry" hidden={{ view: 'unpulled' }} button="List">
          <ChooseRegistry registries={registries} chosen={asked.registry} />
          <label>
            Not pulled for, e.g. 90d
            <input type="text" name="for" value={words(asked.for)} required autocomplete="off" />
          </label>
        </Form>
        {report ? (
          <Report setting={setting} asked={asked} report={report} />
        ) : (
          <p class="quiet small">
            The app reads the registry when you ask, which takes up to half a minute. A large registry is listed in
            parts.
          </p>
        )}
      </>
    ),
  });
}

type ReportProps = { readonly setting: Setting; readonly report: UnpulledReport } & Pick<UnpulledPage, 'asked'>;

function Report({ setting, asked, report }: ReportProps) {
  const { since, isLongEnough, looked, next, total, images, repositories, problems } = report;
  const to = (after: string | undefined): string => setting.link({ view: 'unpulled', ...asked, after });
  const isWhole = looked.repositories === looked.of;
  return (
    <>
      <Section id="found" title={name(report.registry)}>
        {isLongEnough || since === undefined ? (
          <p class={since === undefined ? 'card bad' : undefined}>{words(unpulledInWords(report))}</p>
        ) : (
          <Notice tone="wait" title="Pulls are known for a shorter time only">
            <p>{words(unpulledInWords(report))}</p>
          </Notice>
        )}
        {since !== undefined && !isWhole && (
          <p>
            This part is about {plural(looked.repositories, 'repository')}
            {asked.after !== undefined && <> behind {name(asked.after)}</>}
            {next !== undefined && <>, up to {name(next)}: the time of a page was over</>}. Sizes are sorted within it.
          </p>
        )}
        {problems.length > 0 && (
          <Notice tone="bad" title="Not known">
            <FirstOf items={problems.slice(0, MAX_PROBLEMS)} of={problems.length}>
              {(problem) => words(problem)}
            </FirstOf>
          </Notice>
        )}
      </Section>
      {repositories.length > 0 && (
        <Section id="repositories" title="Repositories">
          <Table
            caption="Repositories with such images, the largest first"
            rows={repositories}
            columns={[
              { head: 'Repository', cell: (one) => <span class="name">{name(one.repository)}</span> },
              {
                head: 'Images not pulled',
                number: true,
                cell: (one) =>
                  one.images === one.of ? `all ${count(one.of)}` : `${count(one.images)} of ${count(one.of)}`,
              },
              { head: 'Size, at most', number: true, cell: (one) => bytes(one.bytes) },
            ]}
          />
        </Section>
      )}
      {images.length > 0 && (
        <Section id="images" title="Images">
          <Table
            caption={
              total.images > images.length
                ? `The largest ${count(images.length)} of ${plural(total.images, 'image')}`
                : `${plural(images.length, 'image')}, the largest first`
            }
            rows={images}
            columns={[
              { head: 'Image', cell: (image) => <Name setting={setting} image={image} /> },
              { head: 'Pushed', cell: ({ pushed }) => <Day iso={pushed} absent="not known" /> },
              { head: 'Last pull', cell: ({ lastPull }) => <Day iso={lastPull} absent="none known" /> },
              { head: 'Size, at most', number: true, cell: (image) => bytes(image.bytes) },
            ]}
          />
        </Section>
      )}
      <Pager
        label="Parts of the registry"
        back={asked.after !== undefined && { href: to(undefined), text: 'First repositories' }}
        next={next !== undefined && { href: to(next), text: 'Next repositories' }}
      />
    </>
  );
}

/** By its tags where it has some: the name that people know. */
function Name({ setting, image }: { readonly setting: Setting; readonly image: UnpulledImage }) {
  const { repository, digest, tags } = image;
  const [first] = tags;
  const known = first === undefined ? `${repository}@${digest}` : `${repository}:${first}`;
  const others = tags.slice(1, MAX_TAGS);
  return (
    <>
      <a class="name" href={setting.link({ image: known })}>
        {first === undefined ? name(repository) : name(known)}
      </a>
      <p class="detail">
        <Digest digest={digest} />
        {others.length > 0 && ` also ${name(others.join(', '))}`}
        {tags.length > MAX_TAGS && ` and ${count(tags.length - MAX_TAGS)} more`}
      </p>
    </>
  );
}

function Day({ iso, absent }: { readonly iso: string | undefined; readonly absent: string }) {
  return iso === undefined ? (
    <span class="quiet">{absent}</span>
  ) : (
    <time dateTime={name(iso)}>{name(iso.slice(0, 10))}</time>
  );
}
