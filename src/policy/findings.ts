import { attempts, InvalidPolicy, PolicyError } from './errors.ts';

/**
 * What says which vulnerabilities images have: `defender`, Microsoft Defender for Cloud; `referrers`, the reports that are
 * attached to them in the registry.
 */
export const FINDING_SOURCES = ['defender', 'referrers'] as const;

export type FindingSource = (typeof FINDING_SOURCES)[number];

/**
 * Sources, separated by blanks or commas; `off`, or nothing, is none. Each is named once, in the order in which they count.
 * @param name the flag or setting that they stand in
 * @throws {InvalidPolicy} which names every mistake
 */
export function readFindings(text: string, name: string): readonly FindingSource[] {
  const { problems, attempt } = attempts();
  const words = text.toLowerCase().split(/[\s,]+/).filter((word) => word !== ''); // prettier-ignore
  const named = words.flatMap((word) => attempt(() => sourceIn(word, words, name)) ?? []);
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return FINDING_SOURCES.filter((source) => named.includes(source));
}

function sourceIn(word: string, words: readonly string[], name: string): readonly FindingSource[] {
  if (word === 'off') {
    if (words.length === 1) return [];
    throw new PolicyError(name, word, 'stands beside a source; write off alone, or leave it away');
  }
  const source = FINDING_SOURCES.find((one) => one === word);
  if (source) return [source];
  throw new PolicyError(name, word, `is no source of findings; there are ${FINDING_SOURCES.join(', ')}, and off`);
}
