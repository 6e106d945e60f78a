import * as z from 'zod';

/*
 * The keys of a policy file. What is checked here is also the JSON schema that editors complete by
 * (docs/retention.schema.json), with these titles and descriptions. What a schema cannot say is checked in parse.ts.
 */

const MOST = 1_000_000_000;

const GLOBS = z
  .array(z.string().min(1))
  .min(1)
  .meta({
    title: 'Globs',
    description: '* is any text within a part of a name, ** also across /, {a,b} is a or b. For the whole name.',
    examples: [['stable-*']],
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

const age = (title: string, description: string) =>
  z.string().meta({
    title,
    description: `${description} Days, then hours, minutes and seconds.`,
    examples: ['30d', '12h', '2d12h'],
  });

const count = (title: string, description: string) => z.int().min(1).max(MOST).meta({ title, description });

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
    pulledWithin: age('Pulled within', `What was pulled within that time. ${PULLED}`).optional(),
    because: z
      .string()
      .min(1)
      .max(300)
      .meta({ title: 'Reason', description: 'Is shown with each decision that follows from it.' })
      .optional(),
  })
  .meta({
    title: 'Protection',
    description: 'What all keys of one entry match is never deleted. Another entry protects more.',
  });

const KEEP = z
  .strictObject({
    newest: count(
      'Newest',
      'So many stay: by time of the last update, or by version where tags says semver.',
    ).optional(),
    per: z
      .string()
      .min(1)
      .meta({
        title: 'Newest of each',
        description:
          'repository; major or minor where tags says semver; or the name of a group of the regular expression.',
        default: 'repository',
        examples: ['repository', 'major', 'minor', 'branch'],
      })
      .optional(),
    daily: count('Daily', 'The newest of each of the last so many days (UTC) that have one.').optional(),
    weekly: count('Weekly', 'The newest of each of the last so many ISO weeks (UTC) that have one.').optional(),
    monthly: count('Monthly', 'The newest of each of the last so many months (UTC) that have one.').optional(),
    yearly: count('Yearly', 'The newest of each of the last so many years (UTC) that have one.').optional(),
    within: age('Within', 'What was updated within that time.').optional(),
  })
  .meta({
    title: 'Keep',
    description: 'What one of these counts stays, whatever its age.',
    minProperties: 1,
  });

export const RULE = z
  .strictObject({
    name: z.string().min(1).max(100).meta({ title: 'Name', description: 'Is shown with each decision of the rule.' }),
    repositories: REPOSITORIES.optional(),
    tags: TAGS.optional(),
    keep: KEEP.optional(),
    olderThan: age(
      'Older than',
      'What is not kept is deleted when its last update is longer ago. Without it: at any age.',
    ).optional(),
    notPulledWithin: age('Not pulled within', `Deletes only what was not pulled for so long. ${PULLED}`).optional(),
    onlyIfMoreThan: count(
      'Only if more than',
      'Deletes nothing in a repository that has no more tags of this rule than that.',
    ).optional(),
  })
  .meta({
    title: 'Rule',
    description: 'Owns the tags that its repositories and tags match, unless an earlier rule does.',
  });

export const UNTAGGED = z
  .strictObject({
    olderThan: age('Older than', 'Deletes what is older. Without it: at any age.').optional(),
    keep: z
      .strictObject({
        newest: count('Newest', 'So many builds of each repository stay. A part of another image is no build.'),
      })
      .meta({ title: 'Keep' })
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
        description: 'A signature, an SBOM or the like, whose image is gone.',
        default: 'keep',
      })
      .optional(),
  })
  .meta({
    title: 'Untagged',
    description: 'What has no tag. Without this key it stays.',
  });

export const POLICY_FILE = z
  .strictObject({
    version: z.literal(1).meta({ title: 'Version', description: 'Of this format: 1.' }),
    protect: z
      .array(PROTECT)
      .meta({ title: 'Protections', description: 'Always win: what an entry matches is never deleted.' })
      .optional(),
    rules: z
      .array(RULE)
      .meta({
        title: 'Rules',
        description: 'In order: the first rule that matches a tag owns it. A tag that no rule owns stays.',
      })
      .optional(),
    untagged: UNTAGGED.optional(),
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
