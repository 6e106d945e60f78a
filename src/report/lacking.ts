import type { Right } from '../planner/decision.ts';
import type { RepositorySummary } from '../ledger/summary.ts';

/** What each right is for, and the roles that have it: of a registry, and of one that assigns them by repository (ABAC). */
const RIGHTS: Readonly<
  Record<Right, { readonly verb: string; readonly role: string; readonly repositoryRole: string }>
> = {
  read: { verb: 'read', role: 'AcrPull', repositoryRole: 'Container Registry Repository Reader' },
  delete: { verb: 'delete', role: 'AcrDelete', repositoryRole: 'Container Registry Repository Contributor' },
  unlock: {
    verb: 'take off locks',
    role: 'AcrPush',
    repositoryRole: 'Container Registry Repository Contributor',
  },
};

/** The role that has a right, by name. */
function roleInWords(right: Right): string {
  const { role, repositoryRole } = RIGHTS[right];
  return `${role} (where the registry assigns roles by repository, with ABAC: ${repositoryRole})`;
}

/** Repositories that a sentence names. */
const MAX_NAMES = 3;

/** What an identity turned out to lack, a sentence a right, and artifacts that are without their lock, one each. */
export function shortcomings(repositories: readonly RepositorySummary[]): readonly string[] {
  const lacking = (Object.keys(RIGHTS) as Right[]).flatMap((right) => {
    const concerned = repositories.filter(({ missing, error }) => missing?.[right] ?? error?.missing === right);
    if (concerned.length === 0) return [];
    const count = concerned.reduce((sum, { missing }) => {
      const { refused = 0, notAttempted = 0 } = missing?.[right] ?? {};
      return sum + refused + notAttempted;
    }, 0);
    const names = concerned.slice(0, MAX_NAMES).map(({ repository }) => repository);
    const more = concerned.length - names.length;
    const where = `${names.join(', ')}${more > 0 ? ` and ${more} more repositories` : ''}`;
    const artifacts = count === 1 ? 'one artifact is' : `${count} artifacts are`;
    // What cannot even be planned is not counted.
    const what = count === 0 ? ` in ${where}` : `, so ${artifacts} not deleted (${where})`;
    return [`this identity may not ${RIGHTS[right].verb}${what}: it lacks the role ${roleInWords(right)}`];
  });
  const unlocked = repositories.flatMap(({ lostLocks = [] }) =>
    lostLocks.map(({ image, restore }) => `${image} is without its lock, which could not be put back: ${restore}`),
  );
  return [...lacking, ...unlocked];
}
