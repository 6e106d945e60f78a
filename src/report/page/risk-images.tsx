import type { RiskReport, RiskyImage, RiskyImages } from '../risk.ts';
import {
  countsInWords,
  fixInWords,
  inUseInWords,
  nameOfImage,
  NO_RULE_WORDS,
  proposalInWords,
  unknownInWords,
  unusedInWords,
} from '../risk-words.ts';
import { count, lines, name, plural, words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Digest, Section, Table } from './parts.tsx';

/* Where the findings of a registry are: images, repositories, and what images were built on. */

interface Props {
  readonly setting: Setting;
  readonly report: RiskReport;
}

const MOST_TAGS = 5;
const MOST_IDS = 8;

/** Images with critical findings: those in use, those that nothing uses with a rule for them, and the others. */
export function Critical({ setting, report }: Props) {
  const { inUse, unused, unknown } = report.critical;
  const proposal = proposalInWords(report);
  return (
    <>
      <Section id="in-use" title="Critical and in use: build again">
        <p>{words(inUseInWords(inUse))}</p>
        <Images setting={setting} images={inUse} />
      </Section>
      <Section id="unused" title="Critical and unused: delete">
        <p>{words(unusedInWords(unused))}</p>
        <Images setting={setting} images={unused} withRule={report.proposal ? 'proposed' : 'none'} />
        {report.proposal && (
          <>
            <p>{words(proposal ?? '')}</p>
            <div class="copyable">
              <pre class="command">
                <code data-copy="" data-copy-name="policy">
                  {lines(report.proposal.policy)}
                </code>
              </pre>
            </div>
          </>
        )}
      </Section>
      {unknown.images > 0 && (
        <Section id="not-known" title="Critical, and it is not known whether in use">
          <p>{words(unknownInWords(unknown))}</p>
          <Images setting={setting} images={unknown} />
        </Section>
      )}
    </>
  );
}

interface ImagesProps {
  readonly setting: Setting;
  readonly images: RiskyImages;
  /** Whether it says which rule would delete each: there may be a proposal. */
  readonly withRule?: 'proposed' | 'none';
}

function Images({ setting, images: { images, first }, withRule }: ImagesProps) {
  if (first.length === 0) return null;
  return (
    <Table
      caption={captionOf(first.length, images, 'image')}
      rows={first}
      columns={[
        { head: 'Image', cell: (image) => <ImageName setting={setting} image={image} /> },
        { head: 'Critical', number: true, cell: (image) => count(image.bySeverity.critical ?? 0) },
        { head: 'Fix', cell: (image) => fixInWords(image) },
        { head: 'Built on', cell: ({ base }) => <Base base={base} /> },
        { head: 'Vulnerabilities', cell: (image) => <Ids image={image} /> },
        ...(withRule
          ? [
              {
                head: 'Rule',
                cell: ({ noRule }: RiskyImage) =>
                  noRule === undefined ? (
                    withRule === 'proposed' ? (
                      'proposed below'
                    ) : (
                      '–'
                    )
                  ) : (
                    <span class="quiet">none: {NO_RULE_WORDS[noRule]}</span>
                  ),
              },
            ]
          : []),
      ]}
    />
  );
}

function captionOf(shown: number, of: number, noun: string, more = ''): string {
  return shown < of
    ? `The worst ${count(shown)} of ${plural(of, noun)}${more}`
    : `${plural(of, noun)}${more}${of === 1 ? '' : ', the worst first'}`;
}

/** By its tags where it has some: the name that people know. */
function ImageName({ setting, image }: { readonly setting: Setting; readonly image: RiskyImage }) {
  const { repository, digest, tags, tagCount } = image;
  const others = tags.slice(1, MOST_TAGS);
  const more = tagCount - 1 - others.length;
  return (
    <>
      <a class="name" href={setting.link({ image: nameOfImage(image) })}>
        {name(tags.length === 0 ? repository : nameOfImage(image))}
      </a>
      <p class="detail">
        <Digest digest={digest} />
        {others.length > 0 && ` also ${name(others.join(', '))}`}
        {more > 0 && ` and ${count(more)} more`}
      </p>
    </>
  );
}

function Base({ base }: { readonly base: string | undefined }) {
  return base === undefined ? <span class="quiet">not known</span> : <>{name(base)}</>;
}

function Ids({ image: { ids } }: { readonly image: RiskyImage }) {
  const more = ids.length - MOST_IDS;
  return (
    <span class="small">
      {name(ids.slice(0, MOST_IDS).join(', '))}
      {more > 0 && ` and ${count(more)} more`}
    </span>
  );
}

/** Which repositories, bases and images have most, critical ones first. */
export function MostFindings({ setting, report: { repositories, bases, images } }: Props) {
  if (repositories.first.length === 0) return null;
  return (
    <Section id="most" title="Most findings">
      <Table
        caption={captionOf(repositories.first.length, repositories.count, 'repository', ' with findings')}
        rows={repositories.first}
        columns={[
          {
            head: 'Repository',
            cell: ({ name: repository, run }) => (
              <a class="name" href={setting.link({ run, view: 'decisions', repository })}>
                {name(repository)}
              </a>
            ),
          },
          FINDINGS,
          { head: 'Images', number: true, cell: (one) => count(one.images) },
          { head: 'Not scanned', number: true, cell: (one) => count(one.notScanned) },
        ]}
      />
      {bases.first.length > 0 && (
        <Table
          caption={captionOf(bases.first.length, bases.count, 'base image', ', by what was built on them')}
          rows={bases.first}
          columns={[
            { head: 'Built on', cell: (one) => <span class="name">{name(one.name)}</span> },
            FINDINGS,
            { head: 'Images', number: true, cell: (one) => count(one.images) },
          ]}
        />
      )}
      {images.first.length > 0 && (
        <Table
          caption={captionOf(images.first.length, images.count, 'image', ' with findings')}
          rows={images.first}
          columns={[
            { head: 'Image', cell: (image) => <ImageName setting={setting} image={image} /> },
            FINDINGS,
            {
              head: 'In use',
              cell: ({ inUse }) => (inUse === undefined ? <span class="quiet">not known</span> : inUse ? 'yes' : 'no'),
            },
          ]}
        />
      )}
    </Section>
  );
}

const FINDINGS = {
  head: 'Findings',
  cell: ({ bySeverity }: Pick<RiskyImage, 'bySeverity'>) => countsInWords(bySeverity),
};
