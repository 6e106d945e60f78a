import { identityToken } from './auth.ts';
import { Contents } from './contents.ts';
import { FaultInjector } from './faults.ts';
import type { Backend } from './handle.ts';
import { digestOf } from './manifests.ts';
import { RequestLog } from './request-log.ts';
import { answering, type Answers, type Controls } from './server.ts';
import { ageOfNow } from './time.ts';
import { Tokens } from './tokens.ts';
import type { EmulatorContents, EmulatorOptions, PushOptions } from './types.ts';

/** An embedded registry without a server: what it holds, its log, and how it answers. */
export interface UnservedEmulator {
  readonly emulator: EmulatorContents;
  readonly answers: Answers;
  readonly log: RequestLog;
  readonly controls: Controls;
  /** An Entra token that the registry exchanges. */
  readonly identityToken: () => string;
  /** Deletes the blobs that are files. */
  readonly close: () => void;
}

/**
 * @param loginServer the name of the registry for requests without a `Host` header
 * @param identities  issues the tokens of managed identities
 * @param storageHost where blobs are read. Default: the registry itself, at other addresses
 */
export function newEmulator(
  options: EmulatorOptions,
  loginServer: () => string,
  identities = new Tokens(options.now ?? Date.now),
  storageHost: () => string = loginServer,
): UnservedEmulator {
  const { now = Date.now } = options;
  const times = { start: options.start ?? new Date(now()), now };
  const contents = new Contents(options.repositories, times, options.lazy, options.softDelete);
  const log = new RequestLog();
  const controls: Controls = { faults: new FaultInjector(options.faults ?? {}, now), hook: undefined };
  for (const [name, blobs] of Object.entries(options.blobs ?? {})) {
    for (const bytes of blobs) contents.blobs.put(name, bytes);
  }
  const backend: Backend = {
    contents,
    auth: { ...options, tokens: new Tokens(now), identities },
    limits: options,
    patchMovesTime: options.patchMovesTime ?? false,
    requireBlobs: options.requireBlobs ?? false,
    storageHost: options.blobsWithoutRedirect === true ? undefined : storageHost,
  };
  return {
    log,
    controls,
    answers: answering(backend, log, controls, loginServer),
    identityToken: () => identityToken(identities, 'https://containerregistry.azure.net'),
    close: () => contents.blobs.shelf.close(),
    emulator: {
      start: times.start,
      counts: () => log.counts(),
      statuses: () => log.statuses(),
      requests: () => log.requests(),
      faults: (faults) => {
        controls.faults = new FaultInjector(faults, now);
      },
      onRequest: (hook) => {
        controls.hook = hook;
      },
      push: (repository, body, push = {}) => pushTo(contents, repository, body, push),
      putBlob: (repository, bytes) => contents.blobs.put(repository, bytes),
      blobsLeft: () => contents.blobs.left(),
      tag: (repository, name, digest, age = ageOfNow(times)) => contents.find(repository).putTag({ name, digest, age }),
      untag: (repository, name) => {
        if (!contents.deleteTag(contents.find(repository), name)) throw new Error(`${repository} has no tag ${name}`);
      },
      remove: (repository, digest) => {
        const gone = contents.deleteManifest(contents.find(repository), digest);
        if (gone.length === 0) throw new Error(`${repository} has no ${digest}`);
      },
      lock: (repository, reference, attributes) => contents.lock(repository, reference, attributes),
      softDelete: (policy) => {
        contents.softDeleted.policy = policy;
      },
      softDeleted: () => ({
        manifests: contents.softDeleted
          .all()
          .flatMap(({ key, manifests }) => [...manifests.values()].map((deleted) => `${key}@${deleted.key}`).sort()),
        tags: contents.softDeleted
          .all()
          .flatMap(({ key, tags }) =>
            [...tags.values()].map(({ tag }) => `${key}:${tag.key}@${tag.state.digest}`).sort(),
          ),
      }),
      repositories: () => contents.state(),
      tagsLeft: () => contents.tagsLeft(),
      manifestsLeft: () => contents.manifestsLeft(),
    },
  };
}

function pushTo(contents: Contents, repository: string, body: string, options: PushOptions): string {
  const { tag, age = ageOfNow(contents.times), ...state } = options;
  const digest = digestOf(body);
  if (contents.softDeleted.has(repository, digest)) throw new Error(`${repository}@${digest} is soft-deleted`);
  if (contents.get(repository)?.manifests.get(digest) === undefined) {
    contents.put(repository, { body, age, ...state });
  }
  if (tag !== undefined) contents.find(repository).putTag({ name: tag, digest, age });
  return digest;
}
