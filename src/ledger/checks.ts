import { z } from 'zod';
import { parse } from './parse.ts';
import { checkPath } from './paths.ts';
import { maybeText, type Shape, text, time } from './schema-fields.ts';
import type { Store } from './store/store.ts';
import { onlyFormat } from './use-schemas.ts';

/* What the last check of a registry has found: a file for each registry, which the next check replaces. */

/** What can be wrong in a registry, the worst first. */
export const CHECK_KINDS = [
  'tag-without-manifest',
  'manifest-gone',
  'platform-missing',
  'unreadable',
  'not-known',
  'referrer-without-image',
  'signature-without-image',
  'hidden',
  'locked-and-old',
  'repository-locked',
  'repository-empty',
] as const;

export type CheckKind = (typeof CHECK_KINDS)[number];

/** `broken`: a pull fails; `left over`: it costs space or attention; `not known`: it could not be looked at. */
export const CHECK_STATES = ['broken', 'not known', 'left over'] as const;

export type CheckState = (typeof CHECK_STATES)[number];

/** Something that was found. */
export interface RegistryFinding {
  readonly kind: CheckKind;
  readonly state: CheckState;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** Since when it is so at the earliest: when what is named was changed last (ISO 8601, UTC). Absent: not known. */
  readonly since?: string;
  /** What it is: a sentence without a full stop. */
  readonly says: string;
  /** What a person does about it: a sentence, or a command. */
  readonly todo: string;
}

export interface RegistryCheck {
  readonly registry: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Repositories that were looked at, of those that were to be. */
  readonly repositories: { readonly checked: number; readonly of: number };
  /** How many there are of each kind, also of those that are not listed here. */
  readonly counts: Readonly<Partial<Record<CheckKind, number>>>;
  /** The worst first; of each kind the first ones. */
  readonly findings: readonly RegistryFinding[];
}

/** The checks of a ledger. */
export interface Checks {
  /** The last check of a registry that was kept; `undefined`: there was none. */
  readonly lastCheck: (registry: string) => Promise<RegistryCheck | undefined>;
  /**
   * Keeps a check in the place of the last one.
   * @returns what is kept of it: the worst findings, their texts shortened
   */
  readonly keepCheck: (check: RegistryCheck) => Promise<RegistryCheck>;
}

/** Findings that are kept: the worst. Of the others only the number is. */
export const MOST_FINDINGS = 2_000;

/** Letters of a text that are kept. A registry allows names of 255, and an answer of one may be of any length. */
const MOST_LETTERS = 1_000;

const amount = z.int().nonnegative();

const checkSchema = z.looseObject({
  format: onlyFormat,
  registry: text,
  at: time,
  repositories: z.looseObject({ checked: amount, of: amount } satisfies Shape<RegistryCheck['repositories']>),
  counts: z.partialRecord(z.enum(CHECK_KINDS), amount),
  findings: z
    .array(
      z.looseObject({
        kind: z.enum(CHECK_KINDS),
        state: z.enum(CHECK_STATES),
        repository: text,
        tag: maybeText,
        digest: maybeText,
        since: maybeText,
        says: text,
        todo: text,
      } satisfies Shape<RegistryFinding>),
    )
    .max(MOST_FINDINGS),
} satisfies Shape<RegistryCheck> & { readonly format: unknown });

export function checksIn(store: Store): Checks {
  return {
    async lastCheck(registry) {
      const path = checkPath(registry);
      const file = await store.read(path);
      if (!file) return undefined;
      const check: RegistryCheck = parse<RegistryCheck>(store, path, checkSchema, file.text);
      const { registry: of, at, repositories, counts, findings } = check;
      return { registry: of, at, repositories, counts, findings };
    },
    async keepCheck(check) {
      const kept = { ...check, findings: check.findings.slice(0, MOST_FINDINGS).map(shortened) };
      // Whatever is there, a damaged file too: nothing of it is needed any more.
      await store.write(checkPath(check.registry), `${JSON.stringify({ format: 1, ...kept })}\n`);
      return kept;
    },
  };
}

function shortened({ kind, state, repository, tag, digest, since, says, todo }: RegistryFinding): RegistryFinding {
  return {
    kind,
    state,
    repository: short(repository),
    ...(tag !== undefined && { tag: short(tag) }),
    ...(digest !== undefined && { digest: short(digest) }),
    ...(since !== undefined && { since: short(since) }),
    says: short(says),
    todo: short(todo),
  };
}

function short(given: string): string {
  return given.length > MOST_LETTERS ? `${given.slice(0, MOST_LETTERS - 1)}…` : given;
}
