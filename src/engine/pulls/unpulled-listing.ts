import type { UnpulledImage, UnpulledReport } from '../../report/unpulled.ts';

/** Gathers what was not pulled. Holds no more than twice what is asked for, however large the registry is. */
interface Listing {
  /** @param of how many images the repository has */
  readonly add: (repository: string, of: number, images: readonly UnpulledImage[]) => void;
  /** The largest first. */
  readonly sorted: () => Pick<UnpulledReport, 'total' | 'repositories' | 'images'>;
}

/** @param most so many images, and repositories */
export function newListing(most = Number.POSITIVE_INFINITY): Listing {
  const total = { images: 0, bytes: 0 };
  const images = newLargest<UnpulledImage>(most);
  const repositories = newLargest<UnpulledReport['repositories'][number]>(most);
  return {
    add(repository, of, found) {
      if (found.length === 0) return;
      const bytes = found.reduce((sum, image) => sum + image.bytes, 0);
      total.images += found.length;
      total.bytes += bytes;
      repositories.add([{ repository, images: found.length, of, bytes }]);
      images.add(found);
    },
    sorted: () => ({ total, repositories: repositories.sorted(), images: images.sorted() }),
  };
}

interface Sized {
  readonly repository: string;
  readonly bytes: number;
}

function newLargest<T extends Sized>(most: number) {
  let kept: T[] = [];
  const sorted = (): T[] =>
    kept
      .toSorted((a, b) => b.bytes - a.bytes || (a.repository < b.repository ? -1 : a.repository > b.repository ? 1 : 0))
      .slice(0, most);
  return {
    add(items: readonly T[]) {
      kept = kept.concat(items);
      if (kept.length > 2 * most) kept = sorted();
    },
    sorted,
  };
}
