import { quote } from 'shlex';
import type { DefenderTrial } from '../evidence/defender.ts';
import type { RegistryRight, SignedIn, TriedRight } from '../registry/rights.ts';
import { credentialsOf } from '../registry/identity.ts';
import type { TargetOptions } from './registries.ts';

/* Whether an identity may do at a registry what a purge does there, and what grants it what is missing. */

/** What a purge of a registry needs. */
export interface Needs {
  /** To list the repositories; not where filters name them all. */
  readonly catalog: boolean;
  /** It deletes: not a dry run. */
  readonly deletes: boolean;
  /** It unlocks what is locked. */
  readonly unlocks: boolean;
  /** It puts what it deletes into quarantine first. */
  readonly hides: boolean;
  /** What the rights are tried on. None: the first repository of the registry. */
  readonly repositories: readonly string[];
}

interface RightStatus extends Omit<TriedRight, 'right'> {
  /** `findings` is one at Azure, not at the registry. */
  readonly right: RegistryRight | 'findings';
  /** What it is for, as a verb. */
  readonly toDo: string;
  /** What is configured does not work without it. */
  readonly needed: boolean;
  /** Of one that is missing: what grants it. */
  readonly role?: string;
  /** A command of the Azure CLI that grants it, for a person who may. */
  readonly grant?: string;
}

/** Who asks a registry, and what it may do there. */
export interface Access {
  /** Absent: it could not sign in. */
  readonly signedIn?: SignedIn;
  /** Why it could not sign in, or not list what is there. */
  readonly error?: string;
  readonly rights: readonly RightStatus[];
}

interface Meaning {
  readonly toDo: string;
  readonly role: string;
  /** Where the registry assigns roles by repository (ABAC). */
  readonly repositoryRole: string;
  /** Of a token of the registry itself: the action of its scope map. */
  readonly action: string;
}

const READER = { role: 'AcrPull', repositoryRole: 'Container Registry Repository Reader' };
const CONTRIBUTOR = 'Container Registry Repository Contributor';

const MEANINGS: Readonly<Record<RegistryRight, Meaning>> = {
  catalog: {
    toDo: 'list the repositories',
    role: 'AcrPull',
    repositoryRole: 'Container Registry Repository Catalog Lister',
    action: '',
  },
  metadata_read: { toDo: 'list tags and manifests', ...READER, action: 'metadata/read' },
  pull: { toDo: 'read manifests', ...READER, action: 'content/read' },
  delete: { toDo: 'delete', role: 'AcrDelete', repositoryRole: CONTRIBUTOR, action: 'content/delete' },
  metadata_write: { toDo: 'take off locks', role: 'AcrPush', repositoryRole: CONTRIBUTOR, action: 'metadata/write' },
};

/** Tries what is needed, and to delete in any case: a dry run that is looked at may be applied. Changes nothing. */
export async function accessOf(target: TargetOptions, needs: Needs, signal: AbortSignal): Promise<Access> {
  const { endpoint, concurrency, certificate, clock, dispatcher, ...identity } = target;
  const isNeeded: Readonly<Record<RegistryRight, boolean>> = {
    catalog: needs.catalog,
    metadata_read: true,
    pull: true,
    delete: needs.deletes,
    metadata_write: (needs.unlocks || needs.hides) && needs.deletes,
  };
  const wanted = (Object.keys(isNeeded) as RegistryRight[]).filter((right) => isNeeded[right] || right === 'delete');
  // Loaded when it is needed: the SDK takes as long to load as all the rest.
  const { tryRights } = await import('../registry/rights.ts');
  const credentials = credentialsOf(identity);
  const connection = { endpoint, concurrency, clock, dispatcher, credentials, ...(certificate && { certificate }) };
  const tried = await tryRights(connection, wanted, needs.repositories, signal);
  const { signedIn, rights } = tried;
  const error = tried.error ?? rights.find(hinders)?.error;
  return {
    ...(signedIn && { signedIn }),
    ...(error !== undefined && { error }),
    rights: rights.map((one) => ({
      ...one,
      toDo: one.right === 'metadata_write' ? attributesInWords(needs) : MEANINGS[one.right].toDo,
      needed: isNeeded[one.right],
      ...(signedIn && one.state === 'missing' && grantOf(one, signedIn, endpoint.host)),
    })),
  };
}

function attributesInWords({ unlocks, hides }: Needs): string {
  return [
    ...(unlocks || !hides ? [MEANINGS.metadata_write.toDo] : []),
    ...(hides ? ['make images unreadable'] : []),
  ].join(' and ');
}

/** Whether nothing can be listed. Where there is no repository yet, nothing could be tried on it. */
function hinders({ right, repository, state }: TriedRight): boolean {
  const isListing = right === 'catalog' || (right === 'metadata_read' && repository !== undefined);
  return isListing && state !== 'granted';
}

/** What grants a right that is missing. */
function grantOf(
  { right, repository = '' }: TriedRight,
  signedIn: SignedIn,
  host: string,
): Pick<RightStatus, 'role' | 'grant'> {
  const { role, repositoryRole, action } = MEANINGS[right];
  const registry = /^([\w-]+)\.azurecr\./.exec(host)?.[1] ?? '<registry>';
  if (signedIn.by === 'basic') {
    // Nothing in a scope map lists all repositories.
    if (action === '') return { role: 'the scope map _repositories_admin' };
    const map = `<scope map of ${signedIn.name ?? ''}>`;
    return {
      role: `${action} in its scope map`,
      grant: `az acr scope-map update --registry ${quote(registry)} --name ${quote(map)} --add-repository ${quote(repository)} ${action}`,
    };
  }
  const isByRepository = signedIn.byRepository === true;
  const named = isByRepository ? repositoryRole : role;
  return {
    role: isByRepository
      ? named
      : `${role} (where the registry assigns roles by repository, with ABAC: ${repositoryRole})`,
    grant: [
      `az role assignment create --role ${quote(named)}`,
      assigneeOf(signedIn),
      `--scope "$(az acr show --name ${quote(registry)} --query id --output tsv)"`,
    ].join(' '),
  };
}

/** The right to read what Defender for Cloud found, as it was tried. @param signedIn who asks the registry */
export function findingsRight({ state, error, scope }: DefenderTrial, signedIn: SignedIn | undefined): RightStatus {
  const isGranted = state !== 'missing' || scope === undefined;
  return {
    right: 'findings',
    toDo: 'read what Defender for Cloud found',
    needed: true,
    state,
    ...(error !== undefined && { error }),
    ...(!isGranted && {
      role: 'Security Reader',
      grant: `az role assignment create --role 'Security Reader' ${assigneeOf(signedIn ?? {})} --scope ${quote(scope)}`,
    }),
  };
}

function assigneeOf({ objectId, principal }: Pick<SignedIn, 'objectId' | 'principal'>): string {
  if (objectId === undefined) return `--assignee '<object id of the identity>'`;
  return `--assignee-object-id ${objectId}${principal === undefined ? '' : ` --assignee-principal-type ${principal}`}`;
}
