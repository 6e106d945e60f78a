import { type DecisionFilter, isReason, type RunFilter } from '../../report/page/index.ts';
import { RequestError } from './problem.ts';
import {
  type DecisionQuery,
  type ImageName,
  isRunId,
  parseImage,
  RUN_KINDS,
  RUN_STATES,
  type RunQuery,
} from '../../index.ts';

/** A parameter that cannot be used: its name, and what it may be. */
export function parameterError(parameter: string, allowed: string): RequestError {
  return new RequestError(400, `The parameter ${parameter} is ${allowed}`);
}

/** Whoever asks for more than a million decisions by the page wants the download. */
const MAX_PAGE = 10_000;

/** Nothing in a registry has a longer name. */
const MAX_LENGTH = 1_000;

const DAY_MS = 86_400_000;

/** A parameter as it was given; a field of a form that was left empty is none. */
export function given(query: URLSearchParams, parameter: string): string | undefined {
  const value = query.get(parameter)?.trim() ?? '';
  if (value.length > MAX_LENGTH) throw parameterError(parameter, `${MAX_LENGTH} characters long at most`);
  return value === '' ? undefined : value;
}

/** The id of a run. What could be anything else, a path for example, does not get as far as the ledger. */
export function runId(query: URLSearchParams, parameter: 'run' | 'before' | 'parent'): string | undefined {
  const id = given(query, parameter);
  if (id !== undefined && !isRunId(id))
    throw parameterError(parameter, 'the id of a run, such as 20261124T010000Z-3f9a0c');
  return id;
}

export function pageOf(query: URLSearchParams): number {
  const page = given(query, 'page') ?? '1';
  if (!/^[1-9]\d{0,4}$/.test(page) || Number(page) > MAX_PAGE)
    throw parameterError('page', `a number from 1 to ${MAX_PAGE}`);
  return Number(page);
}

/** Which runs: as it was given, and as the ledger takes it. */
export function runsAsked(query: URLSearchParams): { readonly filter: RunFilter; readonly runs: RunQuery } {
  const filter = {
    state: given(query, 'state'),
    kind: given(query, 'kind'),
    from: given(query, 'from'),
    to: given(query, 'to'),
    parent: given(query, 'parent'),
  };
  const state = oneOf('state', RUN_STATES, filter.state);
  const kind = oneOf('kind', RUN_KINDS, filter.kind);
  const from = period('from', filter.from)?.from;
  const to = period('to', filter.to)?.to;
  const before = runId(query, 'before');
  const parent = runId(query, 'parent');
  return {
    filter,
    runs: {
      ...(state === 'waiting' ? { waits: true } : state !== undefined && { states: [state] }),
      ...(kind !== undefined && { kinds: [kind] }),
      ...(from !== undefined && { from }),
      // Whoever names a day means all of it.
      ...(to !== undefined && { to }),
      ...(before !== undefined && { before }),
      ...(parent !== undefined && { parent }),
    },
  };
}

/** Which decisions: as it was given, and as the ledger takes it. */
export function decisionsAsked(query: URLSearchParams): {
  readonly filter: DecisionFilter;
  readonly decisions: DecisionQuery;
} {
  const filter = {
    repository: given(query, 'repository'),
    tag: given(query, 'tag'),
    digest: given(query, 'digest'),
    text: given(query, 'text'),
    action: given(query, 'action'),
    reason: given(query, 'reason'),
  };
  const { repository, tag, digest, text, reason } = filter;
  const action = oneOf('action', ['delete', 'keep'] as const, filter.action);
  if (reason !== undefined && !isReason(reason))
    throw parameterError('reason', 'the name of a reason, such as matched-and-expired');
  return {
    filter,
    decisions: {
      ...(repository !== undefined && { repository }),
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
      ...(text !== undefined && { text }),
      ...(action !== undefined && { action }),
      ...(reason !== undefined && { reason }),
    },
  };
}

/** @throws {RequestError} for what names no image */
export function imageOf(text: string): ImageName {
  const image = parseImage(text);
  if (image) return image;
  throw parameterError('image', 'repository:tag, or repository@sha256: and all 64 digits of the digest');
}

function oneOf<T extends string>(parameter: string, allowed: readonly T[], value: string | undefined): T | undefined {
  const found = allowed.find((one) => one === value);
  if (value !== undefined && found === undefined) throw parameterError(parameter, `one of ${allowed.join(', ')}`);
  return found;
}

/** A moment, or a day in UTC: then it goes from its beginning to its end. */
function period(parameter: string, value: string | undefined): { readonly from: Date; readonly to: Date } | undefined {
  if (value === undefined) return undefined;
  const isDay = /^\d{4}-\d\d-\d\d$/.test(value);
  const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(value);
  const from = new Date(isDay ? `${value}T00:00:00Z` : isMoment ? value : Number.NaN);
  // 2026-02-31 is no day, though there is a date that it would turn into.
  if (Number.isNaN(from.getTime()) || (isDay && !from.toISOString().startsWith(value)))
    throw parameterError(parameter, 'a day such as 2026-11-24, or a moment such as 2026-11-24T01:00:00Z');
  return { from, to: isDay ? new Date(from.getTime() + DAY_MS) : from };
}
