import type { Path, Reader } from './reader.ts';
import type { KeepInFile } from './schema.ts';
import type { Keep, TagPattern } from './types.ts';

interface OfRule {
  readonly tags: TagPattern | undefined;
  /** False where the tags have a mistake, so that it is not known what they are. */
  readonly isSound: boolean;
  /** Whether it has an olderThan. */
  readonly isAged: boolean;
}

/** What a rule keeps whatever its age. */
export function keepOf(reader: Reader, path: Path, keep: KeepInFile | undefined, rule: OfRule): Keep {
  const { newest, of = 'all', per, daily, weekly, monthly, yearly } = keep ?? {};
  if (keep && Object.keys(keep).length === 0) reader.problem(path, 'keeps nothing; leave it away, or write newest: 3');
  if (per !== undefined && [newest, daily, weekly, monthly, yearly].every((count) => count === undefined))
    reader.problem([...path, 'per'], 'says where is counted, but not how many; write newest: 3');
  const within = reader.age([...path, 'within'], keep?.within);
  if (within?.milliseconds === 0) reader.problem([...path, 'within'], 'keeps nothing; write e.g. 3d');
  checkOf(reader, path, keep, rule.isAged);
  return { newest, of, per: perOf(reader, [...path, 'per'], per, rule), daily, weekly, monthly, yearly, within };
}

/** Checks what `newest` counts. @param isAged whether there is an olderThan */
export function checkOf(
  reader: Reader,
  path: Path,
  keep: Pick<KeepInFile, 'newest' | 'of'> | undefined,
  isAged: boolean,
): void {
  if (keep?.of === undefined) return;
  if (keep.newest === undefined) reader.problem([...path, 'of'], 'says what newest counts, and there is no newest');
  else if (keep.of === 'old' && !isAged)
    reader.problem([...path, 'of'], 'counts what is older than olderThan, and there is none; write olderThan: 30d');
}

function perOf(reader: Reader, path: Path, per: string | undefined, { tags, isSound }: OfRule): Keep['per'] {
  if (per === undefined || !isSound) return 'repository';
  const groups = tags?.kind === 'regex' ? tags.groups : [];
  if (groups.includes(per)) {
    if (per !== 'repository') return { group: per };
    reader.problem(path, 'is the whole repository, and a group of the regex too; give the group another name');
  } else if (per === 'repository') return per;
  else if (per === 'major' || per === 'minor') {
    if (tags?.kind !== 'semver') reader.problem(path, "needs versions; write tags: { semver: '*' }, or a range");
    return per;
  } else if (tags?.kind === 'regex') {
    const has = groups.length > 0 ? `it has ${groups.join(', ')}` : 'a group is written (?<name>…)';
    reader.problem(path, `the regex has no group of that name; ${has}`);
  } else reader.problem(path, 'must be repository, major or minor, or the name of a group of tags: { regex: … }');
  return 'repository';
}
