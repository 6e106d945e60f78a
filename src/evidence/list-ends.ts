/*
 * Where a list begins and ends that `report-images` wrote. A copy of it that was cut must not count as all that runs. A list
 * by hand has neither line, and ends where it ends.
 */

const BEGINNING = '# report-images: ';
const END = /^# end of report-images: (\d+) images$/;

/** What stood there before there was an end. */
const BEFORE = /^# .*, \d{4}-\d\d-\d\dT[\d:.]+Z: (\d+) images$/;

/** @param about in one line */
export const beginningOf = (about: string): string => `${BEGINNING}${about}`;
export const endOf = (images: number): string => `# end of report-images: ${images} images`;

/**
 * What shows that a list is not whole; `undefined`: nothing does.
 * @param lines without the blanks around each; behind the end of the last one stands an empty one
 */
export function cutIn(lines: readonly string[]): string | undefined {
  if (lines.some((line) => line.startsWith(BEGINNING) || END.test(line))) return cutBetween(lines);
  const said = lines.flatMap((line) => BEFORE.exec(line)?.[1] ?? []);
  const images = lines.filter(isImage).length;
  const sum = said.reduce((all, one) => all + Number(one), 0);
  if (said.length > 0 && sum !== images) return wrongNumber(sum, images);
  // The first piece of a beginning is a comment like any other.
  return (said.length > 0 || images === 0) && lines.at(-1) !== ''
    ? 'its last line has no end, so it may be cut'
    : undefined;
}

/** Lists may stand one behind the other; in one of several clusters a beginning follows another one. */
function cutBetween(lines: readonly string[]): string | undefined {
  let images: number | undefined;
  for (const line of lines) {
    const end = END.exec(line)?.[1];
    if (line.startsWith(BEGINNING)) images ??= 0;
    else if (end !== undefined) {
      if (images === undefined) return 'its beginning is missing';
      if (images !== Number(end)) return wrongNumber(Number(end), images);
      images = undefined;
    } else if (images !== undefined && isImage(line)) images += 1;
  }
  return images === undefined ? undefined : 'its end is missing';
}

const isImage = (line: string): boolean => line !== '' && !line.startsWith('#');

const wrongNumber = (said: number, found: number): string => `it says that it has ${said} images, and has ${found}`;
