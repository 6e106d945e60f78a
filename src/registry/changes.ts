import type { UpdateManifestPropertiesOptions } from '@azure/container-registry';
import { isRestError, type PipelineResponse } from '@azure/core-rest-pipeline';
import { OneEntry, parseAnswer, toManifest, toTag } from './answers.ts';
import type { Connection, Observed } from './client.ts';
import { type RegistryError, StaleLookError, StoppedError } from './errors.ts';
import { LOOK_VALID_MILLISECONDS } from './look.ts';
import { nameOf } from './names.ts';
import { retryAfter } from './queue.ts';
import { backOff, isBroken, MAX_RETRIES, mayHaveArrived, REFUSED_TOO_LONG_MS } from './retry.ts';
import type { Ticket } from './request.ts';
import type { Instant } from './time.ts';
import type { Again, Failure, Lock, Registry, Sending, Tried } from './types.ts';

/** Looks in a row that were too old once the change could be sent. A registry that is only slow needs one or two. */
const MAX_STALE = 10;

/** Changes of a registry. Each is sent once, and only while the look it rests on is recent. */
export function changesOf(
  connection: Connection,
): Pick<Registry, 'reserve' | 'deleteTag' | 'deleteManifest' | 'unlock' | 'relock' | 'hide' | 'show'> {
  const { sdk, clock, queues } = connection;

  const ticketFor = ({ since, signal, reservation, tried }: Sending): Ticket => ({
    // Negated, so that NaN is stale.
    isStale: () => !(clock.ticks() - since <= LOOK_VALID_MILLISECONDS),
    signal,
    reservation,
    // After a 429 it waits behind the others: a change that is refused each time would hold up all.
    again: tried !== undefined && tried.failures > 0 && tried.refusedSince === undefined,
  });

  /** Why a change was not made, and whether it may be tried again. */
  function notMade(error: RegistryError, { tried = UNTRIED }: Sending): Failure | Again {
    if (error instanceof StaleLookError) {
      const { inDoubt, stale } = tried;
      if (stale === MAX_STALE) return { state: 'failed', inDoubt, error };
      return { state: 'again', after: 0, error, tried: { ...tried, stale: stale + 1 } };
    }
    const cause = isRestError(error.cause) ? error.cause : undefined;
    const hasArrived = cause?.request !== undefined && mayHaveArrived(cause.request);
    const known: Tried = { ...tried, stale: 0, inDoubt: tried.inDoubt || hasArrived };
    const { inDoubt } = known;
    const { status } = error;
    if (status === 429) {
      // A change is given up only where every change is refused, for long. The queue waits meanwhile.
      const now = clock.ticks();
      const { refusedSince = now } = tried;
      const isTooLong = Math.min(now - refusedSince, queues.deletes.refusedFor()) > REFUSED_TOO_LONG_MS;
      if (isTooLong) return { state: 'failed', inDoubt, error };
      return { state: 'again', after: 0, error, tried: { ...known, refusedSince } };
    }
    const isBusy = status !== undefined && status >= 500 && status !== 501;
    if (!isBusy && !isBroken(cause)) return { ...failureOf(error), inDoubt };
    if (tried.failures === MAX_RETRIES) return { state: 'failed', inDoubt, error };
    const after = (cause?.response && retryAfter(cause.response, clock)) ?? backOff(tried.failures);
    return { state: 'again', after, error, tried: { ...known, failures: tried.failures + 1, refusedSince: undefined } };
  }

  async function remove(asked: string, call: (observed: Observed) => Promise<unknown>, sending: Sending) {
    try {
      // The SDK takes 404 for a success; that it was gone already is worth knowing.
      const { status } = await connection.change(asked, call, ticketFor(sending));
      return { state: status === 404 ? ('already-gone' as const) : ('deleted' as const) };
    } catch (error) {
      return notMade(error as RegistryError, sending);
    }
  }

  /** Sets attributes, and leaves the others as they are: once where there is a ticket, else with retries until it is stopped. */
  function setAttributes(
    asked: string,
    { repository, tagOrDigest }: Named,
    attributes: Pick<UpdateManifestPropertiesOptions, 'canDelete' | 'canWrite' | 'canRead'>,
    ticket?: Ticket | AbortSignal,
  ) {
    const artifact = sdk.getArtifact(repository, tagOrDigest);
    const call = (observed: Observed) =>
      isDigest(tagOrDigest)
        ? artifact.updateManifestProperties({ ...attributes, ...observed })
        : artifact.updateTagProperties(tagOrDigest, { ...attributes, ...observed });
    const isTicket = ticket !== undefined && 'isStale' in ticket;
    return isTicket ? connection.change(asked, call, ticket) : connection.ask(asked, call, ticket);
  }

  return {
    // Half of the time that a look counts: the look itself and the ledger take some of it.
    reserve: (most, signal) => queues.deletes.reserve(most, LOOK_VALID_MILLISECONDS / 2, signal),
    deleteTag: (repository, tag, sending) =>
      remove(
        `delete ${nameOf(repository, tag)}`,
        (observed) => sdk.getArtifact(repository, tag).deleteTag(tag, { ...observed }),
        sending,
      ),
    deleteManifest: (repository, digest, sending) =>
      remove(
        `delete ${nameOf(repository, digest)}`,
        (observed) => sdk.getArtifact(repository, digest).delete({ ...observed }),
        sending,
      ),
    async unlock(repository, tagOrDigest, sending) {
      const asked = `unlock ${nameOf(repository, tagOrDigest)}`;
      try {
        await setAttributes(asked, { repository, tagOrDigest }, allowing(UNLOCKED), ticketFor(sending));
        return { state: 'unlocked' };
      } catch (error) {
        return notMade(error as RegistryError, sending);
      }
    },
    async relock(repository, tagOrDigest, lock) {
      try {
        const asked = `lock ${nameOf(repository, tagOrDigest)} again`;
        await setAttributes(asked, { repository, tagOrDigest }, forbidding(lock));
        return { state: 'locked' };
      } catch (error) {
        const failure = error as RegistryError;
        return failure.status === 404 ? { state: 'gone' } : { state: 'failed', error: failure };
      }
    },
    async hide(repository, tagOrDigest, sending) {
      const asked = `make ${nameOf(repository, tagOrDigest)} unreadable`;
      try {
        const ticket = ticketFor(sending);
        const answer = await setAttributes(asked, { repository, tagOrDigest }, { canRead: false }, ticket);
        return { state: 'hidden', lastUpdated: lastUpdatedIn(answer) };
      } catch (error) {
        const failure = error as RegistryError;
        return failure.status === 404 ? { state: 'already-gone' } : notMade(failure, sending);
      }
    },
    async show(repository, tagOrDigest, signal) {
      const asked = `make ${nameOf(repository, tagOrDigest)} readable`;
      try {
        await setAttributes(asked, { repository, tagOrDigest }, { canRead: true }, signal);
        return { state: 'shown' };
      } catch (error) {
        const failure = error as RegistryError;
        if (failure.status === 404) return { state: 'gone' };
        return failureOf(failure);
      }
    },
  };
}

interface Named {
  readonly repository: string;
  readonly tagOrDigest: string;
}

function allowing({ deleteEnabled, writeEnabled }: Lock) {
  return { canDelete: deleteEnabled, canWrite: writeEnabled };
}

/** Only what is to be locked: what another client locks meanwhile stays so, also where this is sent again minutes later. */
function forbidding({ deleteEnabled, writeEnabled }: Lock) {
  return { ...(!deleteEnabled && { canDelete: false }), ...(!writeEnabled && { canWrite: false }) };
}

/** Of the tag or manifest of an answer. The SDK would cut it to milliseconds. */
function lastUpdatedIn({ bodyAsText }: PipelineResponse): Instant | undefined {
  try {
    const { tag, manifest } = parseAnswer(OneEntry, bodyAsText, (why) => new TypeError(why));
    return (tag ? toTag(tag) : toManifest(manifest)).lastUpdated;
  } catch {
    // It is looked at again before anything rests on it.
    return undefined;
  }
}

function failureOf(error: RegistryError): Failure {
  if (error instanceof StoppedError) return { state: 'not-attempted', error };
  const { status } = error;
  const refused = status !== undefined && status < 500 && status !== 429;
  return { state: refused ? 'refused' : 'failed', error };
}

const UNTRIED: Tried = { failures: 0, stale: 0, refusedSince: undefined, inDoubt: false };

const UNLOCKED: Lock = { deleteEnabled: true, writeEnabled: true };

function isDigest(tagOrDigest: string): boolean {
  return tagOrDigest.includes(':');
}
