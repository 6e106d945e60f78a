import { SEVERITIES, type Severity } from '../policy/severity.ts';
import { MOST_IDS, type Scan, type SeverityCounts } from './findings.ts';

/* What is found in very many images, in little memory: eight bytes or so for a finding. */

export interface Finding {
  /** Tells it from others of the same image: a second one of the same name is the same one. */
  readonly name: string;
  /** `name` is what others call it, too: `CVE-2026-12345`. */
  readonly isId: boolean;
  readonly severity: Severity;
  readonly fixable: boolean;
}

/** An image as it is named: without a repository, in whichever it is. */
export interface FoundIn {
  readonly repository?: string | undefined;
  /** In small letters. */
  readonly digest: string;
}

/** Counts what is found in images. */
export interface ScanCounts {
  /** An image was looked at, and these were found in it, besides what was before. @param at ISO 8601, UTC */
  readonly add: (image: FoundIn, findings: readonly Finding[], at?: string) => void;
  /** What is known of an image by that repository, and by none. */
  readonly scanOf: (repository: string, digest: string) => Scan | undefined;
  /** One text for each image. */
  readonly images: () => Iterable<string>;
  /** How much it holds: how many findings, each time that one is named, and their names. */
  readonly size: () => number;
}

/** A name takes as much memory as so many findings. */
const NAME = 20;

interface Found {
  /** Each finding as one number: which name, how severe, whether there is a fix. */
  readonly packed: number[];
  at: string | undefined;
}

export function newScanCounts(by: Scan['by']): ScanCounts {
  const found = new Map<string, Found>();
  const places = new Map<string, number>();
  const names: { readonly name: string; readonly isId: boolean }[] = [];
  let size = 0;
  const placeOf = (name: string, isId: boolean): number => {
    const known = places.get(name);
    if (known !== undefined) return known;
    places.set(name, names.length);
    return names.push({ name, isId }) - 1;
  };
  return {
    add({ repository = '', digest }, findings, at) {
      const key = `${repository}@${digest}`;
      const image = found.get(key) ?? { packed: [], at: undefined };
      found.set(key, image);
      for (const { name, isId, severity, fixable } of findings)
        image.packed.push((placeOf(name, isId) * SEVERITIES.length + SEVERITIES.indexOf(severity)) * 2 + Number(fixable)); // prettier-ignore
      if (at !== undefined && (image.at === undefined || at > image.at)) image.at = at;
      size += findings.length;
    },
    scanOf(repository, digest) {
      const images = [found.get(`${repository}@${digest}`), found.get(`@${digest}`)].filter((one) => one !== undefined);
      if (images.length === 0) return undefined;
      const at = images.flatMap((one) => one.at ?? []).sort().at(-1); // prettier-ignore
      return { by, ...(at !== undefined && { at }), ...counted(images.flatMap(({ packed }) => packed), names) }; // prettier-ignore
    },
    images: () => found.keys(),
    size: () => size + NAME * names.length,
  };
}

/** Each finding once, as severe as it is named at all, and with a fix where one is known. */
function counted(
  packed: readonly number[],
  names: readonly { readonly name: string; readonly isId: boolean }[],
): Pick<Scan, 'bySeverity' | 'fixable' | 'ids'> {
  const worst = new Map<number, { readonly severity: number; readonly fixable: boolean }>();
  for (const one of packed) {
    const rest = Math.floor(one / 2);
    const place = Math.floor(rest / SEVERITIES.length);
    const before = worst.get(place);
    const severity = rest % SEVERITIES.length;
    worst.set(place, {
      severity: Math.min(severity, before?.severity ?? severity),
      fixable: one % 2 === 1 || before?.fixable === true,
    });
  }
  const ids = [...worst]
    .flatMap(([place, { severity }]) => {
      const { name = '', isId = false } = names[place] ?? {};
      return isId ? [{ name, severity }] : [];
    })
    .sort((a, b) => a.severity - b.severity || (a.name < b.name ? -1 : 1))
    .slice(0, MOST_IDS)
    .map(({ name }) => name);
  const all = [...worst.values()];
  return { bySeverity: countsOf(all), fixable: countsOf(all.filter(({ fixable }) => fixable)), ids };
}

function countsOf(findings: readonly { readonly severity: number }[]): SeverityCounts {
  const counts: Partial<Record<Severity, number>> = {};
  for (const [place, severity] of SEVERITIES.entries()) {
    const count = findings.filter((one) => one.severity === place).length;
    if (count > 0) counts[severity] = count;
  }
  return counts;
}
