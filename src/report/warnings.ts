import type { FindingsRecord } from '../ledger/findings.ts';
import type { EvidenceRecord } from '../ledger/records.ts';
import type { RepositorySummary } from '../ledger/summary.ts';
import type { Right } from '../planner/decision.ts';

/** What each right is for, and the role that has it: of a registry, and of one that assigns roles by repository (ABAC). */
const RIGHTS: Readonly<
  Record<Right, { readonly verb: string; readonly role: string; readonly repositoryRole: string }>
> = {
  read: { verb: 'read', role: 'AcrPull', repositoryRole: 'Container Registry Repository Reader' },
  delete: { verb: 'delete', role: 'AcrDelete', repositoryRole: 'Container Registry Repository Contributor' },
  unlock: {
    verb: 'take off locks, or make unreadable',
    role: 'AcrPush',
    repositoryRole: 'Container Registry Repository Contributor',
  },
  quarantine: {
    verb: 'make images unreadable',
    role: 'AcrPush',
    repositoryRole: 'Container Registry Repository Contributor',
  },
};

/** Repositories that a sentence names. */
const MAX_NAMES = 3;

const MAY_NOT = 'this identity may not ';
const WITHOUT_LOCK = ' without its lock, which could not be put back: ';

/** Whether a run says this of its own repositories, and not of an earlier run. */
export function isAccessWarning(warning: string): boolean {
  return warning.startsWith(MAY_NOT) || (warning.includes(WITHOUT_LOCK) && !warning.startsWith('the run '));
}

/** Whether it says of an artifact, or of this one (`app:v1`), that it is without its lock. */
export function isWithoutLockWarning(warning: string, image = ''): boolean {
  return image === '' ? warning.includes(WITHOUT_LOCK) : warning.startsWith(`${image} is${WITHOUT_LOCK}`);
}

/** Warnings about access: a sentence for each right that the identity lacks, and one for each artifact left without its lock. */
export function accessWarnings(repositories: readonly RepositorySummary[]): readonly string[] {
  const missing = (Object.keys(RIGHTS) as Right[]).flatMap((right) => {
    const affected = repositories.filter(({ missing, error }) => missing?.[right] ?? error?.missing === right);
    if (affected.length === 0) return [];
    const count = affected.reduce((sum, { missing }) => {
      const { refused = 0, notAttempted = 0 } = missing?.[right] ?? {};
      return sum + refused + notAttempted;
    }, 0);
    const names = affected.slice(0, MAX_NAMES).map(({ repository }) => repository);
    const more = affected.length - names.length;
    const where = `${names.join(', ')}${more > 0 ? ` and ${more} more repositories` : ''}`;
    const artifacts = count === 1 ? 'one artifact is' : `${count} artifacts are`;
    // Where a repository could not even be planned, nothing is counted.
    const what = count === 0 ? ` in ${where}` : `, so ${artifacts} not deleted (${where})`;
    const { verb, role, repositoryRole } = RIGHTS[right];
    const roles = `${role} (where the registry assigns roles by repository, with ABAC: ${repositoryRole})`;
    return [`${MAY_NOT}${verb}${what}: it lacks the role ${roles}`];
  });
  const unlocked = repositories.flatMap(({ lostLocks = [] }) =>
    lostLocks.map(({ image, restore, deleted = false }) => {
      const is = deleted ? ' is deleted; if another client moved it right before, it' : '';
      return withoutLockWarning(`${image}${is}`, restore);
    }),
  );
  return [...missing, ...unlocked];
}

/** What is said of an artifact that is without its lock. @param restore the command that puts it back */
export function withoutLockWarning(image: string, restore: string): string {
  return `${image} is${WITHOUT_LOCK}${restore}`;
}

const SO = ' is not known, so nothing was deleted that it may be about: ';
const NOT_KNOWN = `what is in use${SO}`;
const PULLS_NOT_KNOWN = `when something was pulled${SO}`;

/** How the sources begin that say what was pulled. */
const PULLS = 'ContainerRegistryRepositoryEvents';

/** What a person has to know of the sources that could not be read, and of what others do not know. */
export function evidenceWarnings(records: readonly EvidenceRecord[] = []): readonly string[] {
  return records
    .filter(({ complete, problems = [] }) => !complete || problems.length > 0)
    .map(({ source, complete, problems = [] }) => {
      const why = problems.join('; ');
      return complete ? why : `${source.startsWith(PULLS) ? PULLS_NOT_KNOWN : NOT_KNOWN}${source}: ${why}`;
    });
}

/** What a person has to know of the sources of findings: they keep and delete nothing. */
export function findingsWarnings(records: readonly FindingsRecord[] = []): readonly string[] {
  return records
    .filter(({ complete }) => !complete)
    .map(
      ({ source, problems = [] }) =>
        `not all vulnerabilities of images are known (nothing was deleted for that, nor kept but by rules that ask for findings): ${source}: ${problems.join('; ')}`,
    );
}

/** Whether it says that a source could not be read: it comes first, for nothing was deleted. */
export function isEvidenceWarning(warning: string): boolean {
  return warning.startsWith(NOT_KNOWN) || warning.startsWith(PULLS_NOT_KNOWN);
}
