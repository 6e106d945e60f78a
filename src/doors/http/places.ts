/** Places for work that is under way, or waits for its turn. */
export interface Places {
  /**
   * Takes one, before anything is awaited: two requests that come at once do not take the same.
   * @returns gives it back; `undefined` where none is free
   */
  readonly take: () => (() => void) | undefined;
}

export function newPlaces(most: number): Places {
  const taken = new Set<symbol>();
  return {
    take() {
      if (taken.size >= most) return undefined;
      const place = Symbol('place');
      taken.add(place);
      return () => void taken.delete(place);
    },
  };
}
