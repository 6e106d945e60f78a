import * as z from 'zod';
import type { Severity } from '../severity.ts';
import type { Path, Reader } from './reader.ts';
import type { RetentionRule } from './types.ts';

/*
 * What a rule asks of an image besides its age: `findings`, vulnerabilities that a report names, and `endOfLife`.
 */

/**
 * From the worst. What is negligible, or of a severity that no report says, is below all of them: nearly every image has
 * such findings, so a rule that asked for them would delete by its age alone.
 */
const ASKED = ['critical', 'high', 'medium', 'low'] as const satisfies readonly Severity[];

/** A severity that a rule can ask for. */
export type AskedSeverity = (typeof ASKED)[number];

/** The severities that count for a rule: the one that it asks for, and the worse ones. */
export function countedFor(severity: AskedSeverity): readonly AskedSeverity[] {
  return ASKED.slice(0, ASKED.indexOf(severity) + 1);
}

const NEEDS = 'Needs olderThan, and a source that says what is in use (IN_USE): what is used, or may be, is kept.';

export const FINDINGS = z
  .strictObject({
    severity: z.enum(ASKED).meta({
      title: 'Severity',
      description:
        'A finding of that severity, or of a worse one: critical, high, medium, low. What is negligible, or of no known severity, never counts. Required.',
      examples: ['critical'],
    }),
    fixable: z
      .boolean()
      .meta({
        title: 'Fixable',
        description: 'Only findings for which there is a version without them count.',
        default: false,
        examples: [true],
      })
      .optional(),
  })
  .meta({
    title: 'Findings',
    description: `Deletes only images in which a scan names at least one such vulnerability. What is not scanned is kept. Needs FINDINGS. ${NEEDS}`,
    examples: [{ severity: 'critical', fixable: true }],
  });

export const END_OF_LIFE = z.enum(['past']).meta({
  title: 'End of life',
  description: `Deletes only images that are out of support: the day that their lifecycle annotation says is over (UTC). Needs FINDINGS: referrers. ${NEEDS}`,
  examples: ['past'],
});

interface InFile {
  readonly olderThan?: string | undefined;
  readonly findings?: z.infer<typeof FINDINGS> | undefined;
  readonly endOfLife?: z.infer<typeof END_OF_LIFE> | undefined;
}

/** What a rule asks. @param path of the rule */
export function askedOf(
  reader: Reader,
  path: Path,
  { olderThan, findings, endOfLife }: InFile,
): Pick<RetentionRule, 'findings' | 'endOfLife'> {
  for (const key of [...(findings ? ['findings'] : []), ...(endOfLife ? ['endOfLife'] : [])])
    if (olderThan === undefined)
      reader.problem(
        [...path, key],
        'needs olderThan: what was pushed a short while ago may be about to be used; write e.g. olderThan: 30d',
        { part: 'key' },
      );
  return {
    findings: findings && { severity: findings.severity, fixable: findings.fixable ?? false },
    endOfLife,
  };
}

/** The conditions, each as it ends "They are deleted when …". */
export function conditionsInWords({
  findings,
  endOfLife,
}: Pick<RetentionRule, 'findings' | 'endOfLife'>): readonly string[] {
  const fix = findings?.fixable === true ? ' with a fix' : '';
  return [
    ...(findings
      ? [
          findings.severity === 'critical'
            ? `a scan of them names a critical finding${fix}`
            : `a scan of them names a finding${fix} that is ${findings.severity} or worse`,
        ]
      : []),
    ...(endOfLife ? ['the day of their end of life is over'] : []),
    ...((findings ?? endOfLife) ? ['a source says that nothing uses them'] : []),
  ];
}

/** Whether a rule asks what is known of the vulnerabilities of images, or of their support. */
export function asksForFindings({ findings, endOfLife }: Pick<RetentionRule, 'findings' | 'endOfLife'>): boolean {
  return findings !== undefined || endOfLife !== undefined;
}
