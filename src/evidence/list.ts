import { hostOf, imageIn, nameOfImage } from './image.ts';
import { beginningOf, cutIn, endOf } from './list-ends.ts';
import type { Evidence, Source, Use, UseAnywhere } from './types.ts';

/** A text, and when it was made. */
export interface Dated {
  readonly text: string;
  readonly made: Date;
}

export interface ListOptions {
  /** As it is configured, without secrets. */
  readonly name: string;
  /** @throws where it cannot be read */
  readonly fetch: (signal?: AbortSignal) => Promise<Dated>;
  /** A list that is older may not name what runs now. */
  readonly maxAgeMilliseconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Clocks may be so far apart, in milliseconds. */
const CLOCKS_APART_MS = 300_000;

/** Mistakes that are named. */
const MOST_NAMED = 3;

/**
 * A list of images, one a line, that another system has written: `host/repository:tag`, `host/repository@sha256:…`. What
 * follows on a line says where it runs; a line that begins with `#` is a comment.
 */
export function listSource({ name, fetch, maxAgeMilliseconds, now }: ListOptions): Source {
  return {
    name,
    async read(registry, signal): Promise<Evidence> {
      const about = { source: name, scope: 'the images of the list' };
      let dated: Dated;
      try {
        dated = await fetch(signal);
      } catch (error) {
        const observedAt = new Date(now()).toISOString();
        return { ...about, observedAt, complete: false, problems: [(error as Error).message], facts: [] };
      }
      const { text, made } = dated;
      const { facts, problems } = imagesIn(text, registry);
      const age = now() - made.getTime();
      if (age < -CLOCKS_APART_MS) problems.push(`it was made at ${made.toISOString()}, which is to come`);
      if (!(age <= maxAgeMilliseconds))
        problems.push(`it was made at ${made.toISOString()}, and may be ${inHours(maxAgeMilliseconds)} old at most`);
      return { ...about, observedAt: made.toISOString(), complete: problems.length === 0, problems, facts };
    },
  };
}

/** The list of what is in use, as `listSource` reads it. What has no digest but that of its configuration survives, too. */
export function listText(all: readonly Evidence<UseAnywhere>[]): string {
  const lines = all.flatMap(({ scope, observedAt, facts }) => [
    beginningOf(`${oneLine(scope)}, ${observedAt}: ${facts.length} images`),
    ...facts.map((use) => `${nameOfImage(use)} ${afterName(use.where)}`.trimEnd()).sort(),
  ]);
  return [...lines, endOf(all.reduce((sum, { facts }) => sum + facts.length, 0)), ''].join('\n');
}

/** A first `#` of a text is not a part of it where it is read. */
const afterName = (where: string): string => oneLine(where).replace(/^#/, '# #');

const oneLine = (text: string): string => text.replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();

/** A list names the host of each image. */
const HOSTED = /^(?:docker-pullable:\/\/)?[a-z0-9][a-z0-9.-]*(?::\d+)?\/[a-z0-9]/i;

function imagesIn(text: string, registry: string): { readonly facts: readonly Use[]; readonly problems: string[] } {
  const facts: Use[] = [];
  const wrong: number[] = [];
  if (text.trim() === '') return { facts, problems: ['it is empty; a list of nothing is a line that begins with #'] };
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim());
  for (const [index, trimmed] of lines.entries()) {
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [name = '', ...rest] = trimmed.split(/\s+/);
    const image = imageIn(registry, name);
    const where = rest.join(' ');
    // Another form of text than a list, or several images on one line, would hide what runs.
    const isOtherForm = !HOSTED.test(name) || namesRegistry(where, registry);
    if (image === 'unreadable' || isOtherForm) wrong.push(index + 1);
    else if (image !== 'other') facts.push({ ...image, where: where.replace(/^#\s*/, '') || 'the list' });
  }
  const cut = cutIn(lines);
  const problems = cut === undefined ? [] : [cut];
  if (wrong.length === 0) return { facts, problems };
  const named = wrong.slice(0, MOST_NAMED).join(', ');
  const more = wrong.length > MOST_NAMED ? ` and ${wrong.length - MOST_NAMED} more` : '';
  return {
    facts,
    problems: [
      ...problems,
      `no name of an image with its registry (docker.io/library/nginx:1.29) stands in line ${named}${more}`,
    ],
  };
}

/** Whether an image of the registry seems to stand within a text, by whatever of its hosts. */
function namesRegistry(text: string, registry: string): boolean {
  const host = hostOf(registry);
  return text.toLowerCase().includes(`${host}/`) || (text.match(HOSTS) ?? []).some((one) => hostOf(one) === host);
}

const HOSTS = /[a-z0-9][a-z0-9.-]*(?::\d+)?(?=\/)/gi;

const inHours = (milliseconds: number): string => `${Math.round(milliseconds / 3_600_000)} h`;
