import { createHash, randomBytes } from 'node:crypto';

/**
 * Where things are in a store:
 *
 *     runs/<run>/run.json                        the run (`RunRecord`)
 *     runs/<run>/cancel.json                     a request that it ends (`Cancellation`)
 *     runs/<run>/selected.ndjson.gz              the repositories that it is about (`SelectedRepository`, one a line)
 *     runs/<run>/repositories.ndjson.gz          its repositories, once it has ended (`RepositoryRecord`, one a line)
 *     runs/<run>/decisions/<repository>.ndjson.gz  a `RepositoryRecord`, then a decision a line
 *     runs/<run>/journal/<repository>.ndjson     while it is carried out: see `journal.ts`
 *     runs/<parent>/parent.json                  the parent of runs of several registries (`ParentRecord`)
 *     runs/<parent>/registries/<registry>.json   the run of one of them (`Child`)
 *     facts/<registry>/<repository>.ndjson.gz    what manifests hold, see `src/registry/manifest-cache.ts`
 *     findings/<registry>/<repository>.ndjson.gz what is attached to images says, see `src/engine/findings/attached-memory.ts`
 *     layers/<registry>/<repository>.ndjson.gz   what manifests take up, see `src/registry/layers.ts`
 *     open/<registry>/<run>                      a run that may delete, and has not ended
 *     locks/<registry>                           the run that changes it now
 *     locks/<registry>.<repository>              the worker on it, where several share a run
 *     watched/<registry>.json                    since when its schedule is watched
 *     in-use/<registry>.json                     what was in use at it, see `in-use.ts`
 *     checks/<registry>.json                     what its last check has found, see `checks.ts`
 *     quarantine/<registry>/<repository>.json    what is in quarantine, see `quarantine.ts`
 */
export const RUNS = 'runs/';

const RUN_ID = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;

/** An id that sorts by time: seconds, then milliseconds in three hexadecimal digits, and three that tell runs apart. */
export function newRunId(now: Date): string {
  const milliseconds = now.getUTCMilliseconds().toString(16).padStart(3, '0');
  return `${idOf(now)}-${milliseconds}${randomBytes(2).toString('hex').slice(1)}`;
}

/** The beginning of the ids of all runs that began in this second. */
export function idOf(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, '');
}

export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

/** When a run began, from its id. */
export function timeOf(id: string): Date {
  return new Date(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, '$1-$2-$3T$4:$5:$6Z'));
}

export function pathsOf(id: string) {
  const folder = `${RUNS}${id}/`;
  return {
    folder,
    run: `${folder}run.json`,
    cancellation: `${folder}cancel.json`,
    selected: `${folder}selected.ndjson.gz`,
    repositories: `${folder}repositories.ndjson.gz`,
    allDecisions: `${folder}decisions/`,
    allJournals: `${folder}journal/`,
    parent: `${folder}parent.json`,
    children: `${folder}registries/`,
    child: (registry: string) => `${folder}registries/${registryKey(registry)}.json`,
    decisions: (repository: string) => `${folder}decisions/${fileNameOf(repository)}.ndjson.gz`,
    journal: (repository: string) => `${folder}journal/${fileNameOf(repository)}.ndjson`,
  };
}

/** @param registry login server; its port follows a colon, which not every file system takes */
export function openRuns(registry: string): string {
  return `open/${registryKey(registry)}/`;
}

/** @param registry as above */
export function manifestCachesOf(registry: string): string {
  return `facts/${registryKey(registry)}/`;
}

export function manifestCachePath(registry: string, repository: string): string {
  return `${manifestCachesOf(registry)}${fileNameOf(repository)}.ndjson.gz`;
}

/** @param registry as above */
export function reportCachesOf(registry: string): string {
  return `findings/${registryKey(registry)}/`;
}

export function reportCachePath(registry: string, repository: string): string {
  return `${reportCachesOf(registry)}${fileNameOf(repository)}.ndjson.gz`;
}

/** @param registry as above */
export function allLayersOf(registry: string): string {
  return `layers/${registryKey(registry)}/`;
}

export function layersPath(registry: string, repository: string): string {
  return `${allLayersOf(registry)}${fileNameOf(repository)}.ndjson.gz`;
}

export function quarantinesOf(registry: string): string {
  return `quarantine/${registryKey(registry)}/`;
}

export function quarantinePath(registry: string, repository: string): string {
  return `${quarantinesOf(registry)}${fileNameOf(repository)}.json`;
}

export function watchedPath(registry: string): string {
  return `watched/${registryKey(registry)}.json`;
}

export function usedPath(registry: string): string {
  return `in-use/${registryKey(registry)}.json`;
}

export function checkPath(registry: string): string {
  return `checks/${registryKey(registry)}.json`;
}

export function pullsPath(registry: string): string {
  return `pulls/${registryKey(registry)}.json`;
}

/** No part of a host name is as long as the hash. */
export function lockOfRepository(registry: string, repository: string): string {
  return `${registryKey(registry)}.${fileNameOf(repository)}`;
}

/** No host name has an underscore. */
export function registryKey(registry: string): string {
  return registry.toLowerCase().replace(/[^a-z0-9.-]/g, '_');
}

/** A name for a file, whatever the repository is called: readable, and by the hash its own on every file system. */
function fileNameOf(repository: string): string {
  const hash = createHash('sha256').update(repository).digest('hex').slice(0, 32);
  return `${safe(repository).slice(0, 60)}-${hash}`;
}

function safe(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
