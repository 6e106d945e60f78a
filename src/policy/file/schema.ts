import * as z from 'zod';
import { END_OF_LIFE, FINDINGS } from './findings.ts';

/*
 * The keys of a policy file. What is checked here is also the JSON schema that editors complete by
 * (docs/retention.schema.json), with these titles and descriptions. What a schema cannot say is checked in parse.ts.
 */

const MOST = 1_000_000_000;
/** Each rule is compared with all before it. */
const MOST_ENTRIES = 500;

const GLOBS = z.array(z.string().min(1)).min(1).meta({
  title: 'Globs',
  description: '* is any text within a part of a name, ** also across /, {a,b} is a or b. For the whole name.',
});

const REGEX = z
  .string()
  .min(1)
  .meta({
    title: 'Regular expression',
    description: 'In the dialect of acr purge, and not anchored: write ^ for "begins with" and $ for "ends with".',
    examples: ['^v[0-9]+$'],
  });

const REPOSITORIES = z.union([GLOBS, z.strictObject({ regex: REGEX })]).meta({
  title: 'Repositories',
  description: 'Globs, or { regex: … }. Without it: every repository.',
  examples: [['shop/*'], { regex: '^shop/' }],
});

const TAGS = z
  .union([
    GLOBS,
    z
      .strictObject({
        regex: REGEX.optional(),
        semver: z
          .string()
          .meta({
            title: 'Versions',
            description:
              'Tags that are a full version, with or without a v, in this range of node-semver. Prereleases are in a range only where it names one of the same version.',
            examples: ['>=1.0.0', '1.x', '*'],
          })
          .optional(),
      })
      .meta({ minProperties: 1, maxProperties: 1 }),
  ])
  .meta({
    title: 'Tags',
    description: 'Globs, or { regex: … }, or { semver: … }. Without it: every tag.',
    examples: [['pr-*'], { regex: '^(?<branch>.+)-[0-9]+$' }, { semver: '>=1.0.0' }],
  });

const age = (title: string, description: string, example: string) =>
  z.string().meta({
    title,
    description: `${description} Days, then hours, minutes and seconds.`,
    examples: [example],
  });

const count = (title: string, description: string, example: number) =>
  z
    .int()
    .min(1)
    .max(MOST)
    .meta({ title, description, examples: [example] });

const QUARANTINE = z
  .string()
  .meta({
    title: 'Quarantine',
    description:
      'How long what would be deleted is unreadable before it is deleted: days, then hours, minutes and seconds; off deletes at once. A rule counts before the whole policy, and --quarantine before the key of the whole policy.',
    examples: ['14d', 'off'],
  })
  .optional();

const PULLED = 'Needs the log of pulls, as --keep-pulled-within does.';

export const PROTECT = z
  .strictObject({
    repositories: REPOSITORIES.optional(),
    tags: TAGS.optional(),
    tagsFrom: z
      .string()
      .min(1)
      .meta({
        title: 'List of tags in a file',
        description: 'A file, relative to this one: one tag or repository:tag a line. What follows # is a comment.',
        examples: ['keep.txt'],
      })
      .optional(),
    names: z
      .array(z.string().min(1))
      .min(1)
      .meta({
        title: 'List of tags',
        description: 'Each a tag, or repository:tag. No globs.',
        examples: [['v1', 'shop/web:v1']],
      })
      .optional(),
    pulledWithin: age('Pulled within', `What was pulled within that time. ${PULLED}`, '30d').optional(),
    because: z
      .string()
      .min(1)
      .max(300)
      .meta({
        title: 'Reason',
        description: 'Is shown with each decision that follows from it.',
        examples: ['moving tags'],
      })
      .optional(),
  })
  .meta({
    title: 'Protection',
    description: 'What all keys of one entry match is never deleted. Another entry protects more.',
  });

const OF = z
  .enum(['all', 'old'])
  .meta({
    title: 'Of',
    description:
      'What newest counts: all, or only what is older than olderThan and not locked, as --keep of acr purge counts.',
    default: 'all',
    examples: ['old'],
  })
  .optional();

const KEEP = z
  .strictObject({
    newest: count(
      'Newest',
      'So many are kept: by time of the last update, or by version where tags says semver.',
      3,
    ).optional(),
    of: OF,
    per: z
      .string()
      .min(1)
      .meta({
        title: 'Per',
        description:
          'What is counted by itself: the repository; each major or minor version where tags says semver; or each text of a named group of the regular expression.',
        default: 'repository',
        examples: ['repository', 'major', 'minor', 'branch'],
      })
      .optional(),
    daily: count('Daily', 'The newest of each of the last so many days (UTC) that have one.', 7).optional(),
    weekly: count('Weekly', 'The newest of each of the last so many ISO weeks (UTC) that have one.', 4).optional(),
    monthly: count('Monthly', 'The newest of each of the last so many months (UTC) that have one.', 6).optional(),
    yearly: count('Yearly', 'The newest of each of the last so many years (UTC) that have one.', 2).optional(),
    within: age('Within', 'What was updated within that time.', '3d').optional(),
  })
  .meta({
    title: 'Keep',
    description: 'What one of these counts is kept, whatever its age.',
    examples: [{ newest: 3 }, { daily: 7, weekly: 4 }],
    minProperties: 1,
  });

export const RULE = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .meta({
        title: 'Name',
        description: 'Is shown with each decision of the rule. Required.',
        examples: ['pull requests'],
      }),
    repositories: REPOSITORIES.optional(),
    tags: TAGS.optional(),
    keep: KEEP.optional(),
    olderThan: age(
      'Older than',
      'What is not kept is deleted when its last update is longer ago. Without it: at any age.',
      '180d',
    ).optional(),
    notPulledWithin: age(
      'Not pulled within',
      `Deletes only what was not pulled for so long. ${PULLED}`,
      '7d',
    ).optional(),
    findings: FINDINGS.optional(),
    endOfLife: END_OF_LIFE.optional(),
    onlyIfMoreThan: count(
      'Only if more than',
      'Deletes nothing in a repository that has no more tags of this rule than that.',
      50,
    ).optional(),
    quarantine: QUARANTINE,
  })
  .meta({
    title: 'Rule',
    description: 'Owns the tags that its repositories and tags match, unless an earlier rule does.',
  });

export const UNTAGGED = z
  .strictObject({
    olderThan: age('Older than', 'Deletes what is older. Without it: at any age.', '7d').optional(),
    keep: z
      .strictObject({
        newest: count('Newest', 'So many builds of each repository are kept. A part of another image is no build.', 2),
        of: OF,
      })
      .meta({
        title: 'Keep',
        description: 'So many builds of each repository are kept, whatever their age.',
        examples: [{ newest: 2 }],
      })
      .optional(),
    referenced: z
      .enum(['keep', 'delete'])
      .meta({
        title: 'Referenced',
        description: 'An untagged image that something refers to, such as a signature or an SBOM.',
        default: 'delete',
      })
      .optional(),
    orphanedReferrers: z
      .enum(['keep', 'delete'])
      .meta({
        title: 'Orphaned referrers',
        description:
          'A signature, an SBOM or the like, whose image is gone. What was pushed within 24 hours is kept in any case.',
        default: 'keep',
      })
      .optional(),
    quarantine: QUARANTINE,
  })
  .meta({
    title: 'Untagged',
    description: 'What has no tag. Without this key it is kept.',
  });

export const POLICY_FILE = z
  .strictObject({
    version: z.literal(1).meta({ title: 'Version', description: 'Of this format: 1. Required.', examples: [1] }),
    protect: z
      .array(PROTECT)
      .max(MOST_ENTRIES)
      .meta({ title: 'Protections', description: 'Always win: what an entry matches is never deleted. A list.' })
      .optional(),
    rules: z
      .array(RULE)
      .max(MOST_ENTRIES)
      .meta({
        title: 'Rules',
        description: 'In order: the first rule that matches a tag owns it. A tag that no rule owns is kept. A list.',
      })
      .optional(),
    untagged: UNTAGGED.optional(),
    quarantine: QUARANTINE,
  })
  .meta({
    title: 'Retention policy',
    description: 'What acr-retention keeps and deletes in an Azure Container Registry.',
  });

export type ProtectInFile = z.infer<typeof PROTECT>;
export type RuleInFile = z.infer<typeof RULE>;
export type UntaggedInFile = z.infer<typeof UNTAGGED>;
export type TagsInFile = z.infer<typeof TAGS>;
export type RepositoriesInFile = z.infer<typeof REPOSITORIES>;
export type KeepInFile = z.infer<typeof KEEP>;
