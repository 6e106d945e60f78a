import type { DrawOptions } from './world/draws.ts';
import { simulate, type Verdict } from './simulate.ts';

/** Stories that are told at most to make one shorter. */
const MOST = 600;

/**
 * Leaves out draws for as long as the same thing goes wrong: half of them, then a quarter, and so on to single ones.
 * @returns the shortest that was found
 */
export async function shrink(
  failed: Verdict,
  options: DrawOptions = {},
): Promise<Verdict & { readonly without: ReadonlySet<string> }> {
  const wanted = kindsOf(failed);
  let without = new Set(options.without ?? []);
  let best = failed;
  let told = 0;
  for (let size = Math.ceil(best.taken.length / 2); ;) {
    let isShorter = false;
    const keys = [...new Set(best.taken.map(({ key }) => key))];
    for (let from = 0; from < keys.length && told < MOST; from += size) {
      const some = keys.slice(from, from + size).filter((key) => !without.has(key));
      if (some.length === 0) continue;
      told += 1;
      const tried = new Set([...without, ...some]);
      const verdict = await simulate(best.seed, { ...options, without: tried });
      if (!verdict.problems.some((one) => wanted.has(kindOf(one)))) continue;
      [without, best, isShorter] = [tried, verdict, true];
    }
    if (told >= MOST || (size === 1 && !isShorter)) return { ...best, without };
    size = isShorter && size === 1 ? 1 : Math.max(1, Math.floor(size / 2));
  }
}

const kindsOf = ({ problems }: Verdict): ReadonlySet<string> => new Set(problems.map(kindOf));

/** A problem without what differs from story to story. */
function kindOf(problem: string): string {
  return problem
    .replace(/sha256[:-]\w+|\d[\w.:-]*|"[^"]*"|'[^']*'/g, '')
    .split(/\s+/)
    .slice(0, 5)
    .join(' ');
}
