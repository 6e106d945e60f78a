import { LOOK_VALID_MILLISECONDS } from '../../../src/registry/look.ts';
import type { History } from './history.ts';
import { during, type Life } from './lives.ts';
import { isLocked } from './oracle.ts';

/*
 * A registry refuses to delete what is locked, so no change shows that a run tried it. A run that looks does not try it, and
 * takes off no lock in a repository that is locked as a whole.
 */

interface SentDeletion {
  readonly process: { readonly name: string };
  readonly repository: string;
  /** `:v1` or `@sha256:…` */
  readonly key: string;
  /** A true time. */
  readonly at: number;
}

/** Deletions that were sent although a lock had been there for as long as a look counts. */
export function sentAtLocked(history: History, sent: readonly SentDeletion[]): readonly string[] {
  return sent.flatMap(({ process, repository, key, at }) => {
    const found = history.repositories.get(repository);
    if (!found) return [];
    const from = at - LOOK_VALID_MILLISECONDS;
    const what = `${repository}${key}: its deletion was sent by ${process.name}, and`;
    if (during(found.attributes, from, at).every(isLocked)) return [`${what} its repository was locked as a whole`];
    const name = key.slice(1);
    const lives: readonly Life[] = (key.startsWith('@') ? found.manifests : found.tags).get(name) ?? [];
    const seen = lives.filter((life) => life.from <= at && life.until >= from);
    const isAlways = seen.length > 0 && seen.every((life) => during(life.attributes, from, at).every(isLocked));
    return isAlways ? [`${what} it was locked`] : [];
  });
}
