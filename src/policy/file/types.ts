import type { Range } from 'semver';
import type { Quarantine } from '../quarantine.ts';
import type { CompiledRegex } from '../regex/regex.ts';
import type { AskedSeverity } from './findings.ts';

/*
 * A policy file, as it was understood. Whatever is written in it more shortly is written out here: an absent `per` is
 * `repository`, an absent `referenced` is `delete`.
 */

/** A policy file that is sound. */
export interface RetentionPolicy {
  /**
   * The text of the file, with what it takes from other files (`tagsFrom`) in its place: read again, it means the same
   * wherever it is read.
   */
  readonly text: string;
  readonly protect: readonly Protect[];
  /** In order: the first whose repositories and tags match a tag owns it. */
  readonly rules: readonly RetentionRule[];
  /** Absent: what has no tag stays, but for a manifest that loses its last tag. */
  readonly untagged: UntaggedRule | undefined;
  /** Of what the rules delete that say none themselves. */
  readonly quarantine?: Quarantine;
  /** What is legal and hardly meant, with the line. */
  readonly warnings: readonly string[];
}

/** `30d`, as `--ago` takes it. */
export interface Age {
  readonly text: string;
  readonly milliseconds: number;
}

/** What names of repositories, or of tags, are matched by. */
export interface NamePattern extends CompiledRegex {
  readonly dialect: 'glob' | 'regex';
}

/** Names of tags that are chosen by a pattern, or by the version that they say. */
export type TagPattern =
  /** One of these matches. The dialect of globs: `*` within a part of a path, `**` across. */
  | { readonly kind: 'globs'; readonly patterns: readonly NamePattern[] }
  /**
   * The dialect of `acr purge`, not anchored. `groups` are the names of its groups; the one that `keep.per` names is a
   * named group of the compiled expression, too.
   */
  | { readonly kind: 'regex'; readonly pattern: NamePattern; readonly groups: readonly string[] }
  /** A version, with or without a `v`, that is in the range. */
  | { readonly kind: 'semver'; readonly range: Range };

/** What is never deleted. A tag is protected where all that is given here matches it. */
export interface Protect {
  /** Absent: every repository. */
  readonly repositories: readonly NamePattern[] | undefined;
  readonly tags: TagPattern | undefined;
  /** A tag (`v1`), or a tag of one repository (`shop/web:v1`). */
  readonly names: ReadonlySet<string> | undefined;
  readonly pulledWithin: Age | undefined;
  /** For the words of a decision. */
  readonly because: string | undefined;
}

export interface RetentionRule {
  readonly name: string;
  /** Absent: every repository. */
  readonly repositories: readonly NamePattern[] | undefined;
  /** Absent: every tag. */
  readonly tags: TagPattern | undefined;
  readonly keep: Keep;
  /** What is not kept goes when it is older. Absent: at any age. */
  readonly olderThan: Age | undefined;
  readonly notPulledWithin: Age | undefined;
  /** Only an image goes in which a scan names such a finding. */
  readonly findings: FindingsInRule | undefined;
  /** Only an image goes whose day of the end of life is over. */
  readonly endOfLife: 'past' | undefined;
  /** Nothing of this rule goes in a repository that has no more tags of it. */
  readonly onlyIfMoreThan: number | undefined;
  /** Instead of that of the whole policy. */
  readonly quarantine?: Quarantine;
}

/** A vulnerability that a scan names: of that severity or of a worse one, and where `fixable` one for which there is a fix. */
interface FindingsInRule {
  readonly severity: AskedSeverity;
  readonly fixable: boolean;
}

/** What stays whatever its age. What one of these counts stays. */
export interface Keep {
  readonly newest: number | undefined;
  /** What `newest` counts: all, or, as `--keep` of `acr purge` does, what is older than `olderThan` and not locked. */
  readonly of: 'all' | 'old';
  /** What is counted by itself: the repository, each major or minor version, or each value of a group of the regex. */
  readonly per: 'repository' | 'major' | 'minor' | { readonly group: string };
  readonly daily: number | undefined;
  readonly weekly: number | undefined;
  readonly monthly: number | undefined;
  readonly yearly: number | undefined;
  readonly within: Age | undefined;
}

export interface UntaggedRule {
  readonly olderThan: Age | undefined;
  /** So many builds: an image that is a part of another one is none. */
  readonly newest: number | undefined;
  readonly of: 'all' | 'old';
  /** An untagged image that something refers to. */
  readonly referenced: 'keep' | 'delete';
  /** A signature, an SBOM or the like, whose subject is gone. */
  readonly orphanedReferrers: 'keep' | 'delete';
  /** Instead of that of the whole policy. */
  readonly quarantine?: Quarantine;
}
