import { quote } from 'shlex';
import type { RunRecord } from '../../ledger/records.ts';
import type { QuarantineReport, Waiting } from '../quarantine.ts';
import { shortDigests } from '../text.ts';
import type { QuarantinePage } from './quarantine.tsx';
import { minute, name, plural, words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Command } from './parts.tsx';

/* The forms that make readable what waits in quarantine, and the images that they are about. Each works without a script. */

/** An image in quarantine, with what belongs to it. */
export interface Image {
  readonly repository: string;
  readonly root: string;
  readonly parts: readonly Waiting[];
}

/** Images in the order in which the first of their parts comes. */
export function imagesOf(waiting: readonly Waiting[]): readonly Image[] {
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

/** The names that people pull it by. */
export function tagsOf(parts: readonly Waiting[]): readonly string[] {
  return [
    ...new Set(
      parts.flatMap(({ kind, tag, tags, digest, root }) =>
        kind === 'tag' ? (tag ?? []) : digest === root ? tags : [],
      ),
    ),
  ];
}

interface ReleaseProps {
  readonly setting: Setting;
  readonly registry: string;
}

export function Release({
  setting,
  registry,
  image: { repository, root, parts },
}: ReleaseProps & { readonly image: Image }) {
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
export function ReleaseMany({
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

export function OnlyReading({ setting: { viewer } }: { readonly setting: Setting }) {
  if (!viewer || viewer.forms) return null;
  return (
    <p class="small quiet">
      You have signed in as {name(viewer.name)}, and may read. Releasing takes the app role{' '}
      <code>Retention.Approver</code>.
    </p>
  );
}

export function ByCommand({ images: [first] }: { readonly images: readonly Image[] }) {
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

/** What of a run is in quarantine still. */
export type WaitingOfRun = Pick<QuarantineReport['total'], 'images' | 'over'> & {
  /** When the first of it may be deleted. */
  readonly until: string;
};

interface ReleaseRunProps {
  readonly setting: Setting;
  readonly run: Pick<RunRecord, 'id' | 'registry'>;
  readonly waiting: WaitingOfRun;
}

/** All that one run has put there, on the page of that run. */
export function ReleaseRun({ setting, run: { id, registry }, waiting: { images, until, over } }: ReleaseRunProps) {
  const forms = setting.viewer?.forms;
  const it = images === 1 ? 'it' : 'them';
  const when =
    over > 0
      ? `The time of ${plural(over, 'artifact')} is over: the next run deletes ${over === 1 ? 'it' : 'them'}`
      : `The first may be deleted from ${minute(until)} UTC on`;
  return (
    <>
      <p>
        <a href={setting.link({ view: 'quarantine', registry })}>
          {plural(images, 'image')} of this run {images === 1 ? 'is' : 'are'} in quarantine
        </a>
        : unreadable. {when}.
      </p>
      {forms ? (
        <form class="decide" method="post" action="?" aria-label="Release what this run put into quarantine">
          <Hidden token={forms.token} registry={registry} />
          <input type="hidden" name="run" value={id} />
          <p>
            <button type="submit">Release {it}</button>{' '}
            <span class="small quiet">
              so that {images === 1 ? 'it' : 'they'} can be pulled again, as {name(setting.viewer.name)}, which is
              recorded
            </span>
          </p>
        </form>
      ) : (
        <OnlyReading setting={setting} />
      )}
    </>
  );
}
