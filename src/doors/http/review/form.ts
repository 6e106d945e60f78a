import type { HttpRequest } from '@azure/functions';
import * as z from 'zod';
import { isRunId, type ToRelease } from '../../../index.ts';
import { RequestError } from '../problem.ts';
import { releaseAsked } from '../quarantine.ts';
import { readBody } from '../request.ts';

/** Most repositories that one form may name; the page shows fewer. */
const MOST_REPOSITORIES = 1_000;
/** A thousand names of 255 characters, some of them escaped, and the rest. */
const LONGEST_FORM = 512 * 1_024;
const LONGEST_TEXT = 1_000;
/** No name of a repository is longer. */
const LONGEST_NAME = 255;

const text = z.string().max(LONGEST_TEXT, `${LONGEST_TEXT} characters long at most`);
/** What a person writes. Browsers send line ends as CR LF. */
const written = text.transform((value) => value.replace(/\r\n?/g, '\n').trim());
const run = z.string('the id of a run').refine(isRunId, 'the id of a run');
const hash = z
  .string('the hash of the plan that was looked at')
  .regex(/^[\da-f]{8,64}$/, 'the hash of a plan, eight characters at least');
const repositories = z
  .array(z.string().min(1, 'a name').max(LONGEST_NAME, `${LONGEST_NAME} characters long at most`))
  .max(MOST_REPOSITORIES, `given ${MOST_REPOSITORIES} times at most`);
const NO_REASON = 'empty: say why it is rejected';
const csrf = z.string().max(100).default('');
const common = { run, csrf };

const ACTIONS = ['approve', 'reject', 'cancel', 'release', 'check'] as const;

/** A message completes the sentence "The field comment is …". */
export const FORM = z.discriminatedUnion(
  'action',
  [
    z.object({
      ...common,
      action: z.literal('approve'),
      hash,
      part: z.enum(['all', 'selected'], 'all, or selected').exactOptional(),
      repository: repositories,
      comment: written.default(''),
      registry: written.default(''),
    }),
    z.object({
      ...common,
      action: z.literal('reject'),
      hash,
      comment: z
        .string(NO_REASON)
        .pipe(written)
        .refine((value) => value !== '', NO_REASON),
    }),
    z.object({ ...common, action: z.literal('cancel') }),
    z.object({
      csrf,
      action: z.literal('release'),
      registry: z.string('the registry').pipe(written),
      run: run.exactOptional(),
      repository: repositories,
      reference: text.exactOptional(),
      all: z.literal('yes', 'yes, or left out').exactOptional(),
    }),
    z.object({ csrf, action: z.literal('check'), registry: z.string('the registry').pipe(written) }),
  ],
  `one of ${ACTIONS.join(', ')}`,
);

/** Those that are given once. */
const FIELDS = ['action', 'run', 'csrf', 'hash', 'part', 'comment', 'registry', 'reference', 'all'] as const;

/** What a person asks for with a form of the page. */
export type ReviewForm = Readonly<z.output<typeof FORM>>;

/**
 * Reads a form that the page has posted.
 * @throws {RequestError} for one that is too large, is none, or says what it cannot mean
 */
export async function readForm(request: HttpRequest): Promise<ReviewForm> {
  const mediaType = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/x-www-form-urlencoded')
    throw new RequestError(415, 'send the form as application/x-www-form-urlencoded');
  const given = new URLSearchParams(await readBody(request, LONGEST_FORM));
  const one = (name: string): object => {
    const [value, ...more] = given.getAll(name);
    if (more.length > 0) throw new RequestError(400, `The field ${name} is given twice`);
    return value === undefined ? {} : { [name]: value };
  };
  const fields = FIELDS.reduce((all, name) => ({ ...all, ...one(name) }), {});
  const parsed = FORM.safeParse({ ...fields, repository: given.getAll('repository') });
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path, message }) => `he field ${path.join('.')} is ${message}`);
    throw new RequestError(400, `T${wrong.slice(0, 10).join('; t')}`);
  }
  return parsed.data;
}

/**
 * What is released: one thing, so that nothing is guessed.
 * @throws {RequestError}
 */
export function releasedIn({ run, repository, reference, all }: Extract<ReviewForm, { action: 'release' }>): ToRelease {
  const [name, ...others] = repository;
  if (others.length > 0) throw new RequestError(400, 'The field repository is given twice');
  return releaseAsked({
    ...(run !== undefined && { run }),
    ...(name !== undefined && { repository: name }),
    ...(reference !== undefined && { reference }),
    ...(all !== undefined && { all: true }),
  });
}

/**
 * The repositories that are approved; `undefined`: all of the plan. Where the ticks and what is asked for disagree, neither
 * is guessed: approving more than was meant cannot be taken back.
 * @throws {RequestError}
 */
export function chosenIn({
  part,
  repository,
}: Extract<ReviewForm, { action: 'approve' }>): readonly string[] | undefined {
  if (part === 'all' && repository.length > 0)
    throw new RequestError(
      400,
      `You have ticked ${repository.length === 1 ? 'a repository' : `${repository.length} repositories`}, and asked for the whole plan. Choose one of both: nothing was approved`,
    );
  if (part === 'selected' && repository.length === 0)
    throw new RequestError(400, 'You have ticked no repository: nothing was approved');
  // The page always says so. A form whose names of repositories were lost on the way is not taken for the whole plan.
  if (part === undefined && repository.length === 0)
    throw new RequestError(
      400,
      'The form does not say what is approved, all of the plan or a part of it: nothing was approved',
    );
  return repository.length > 0 ? [...new Set(repository)] : undefined;
}
