import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { Configuration } from '../../../policy/settings.ts';
import { redact } from '../../../ledger/redact/redact.ts';
import type { Log } from '../../../report/log.ts';
import { linksWith, renderNotDone, renderRefused, type Setting } from '../../../report/page/index.ts';
import { isNameOf, registryNames } from '../../../report/registry-names.ts';
import {
  type Actor,
  cancel,
  ConflictError,
  HeldError,
  type Ledger,
  LedgerError,
  rejectPlan,
  requestedApply,
  requestedRelease,
  type RunRecord,
} from '../../../index.ts';
import { untilShutdown } from '../../lifecycle.ts';
import { checkForPage } from '../check.ts';
import { whyForged } from '../csrf.ts';
import { isExpected, logFault, problemOf, RequestError } from '../problem.ts';
import { type Access, accessOf, actorOf, isApprover, SignInRefused } from '../sign-in.ts';
import { chosenIn, readForm, releasedIn, type ReviewForm } from './form.ts';
import { shareOf } from './home.ts';
import { htmlResponse } from './html.ts';

/** What a form of the page works with. */
export interface ActionOptions {
  readonly configuration: Configuration;
  readonly ledger: Ledger;
  readonly now: Date;
  /** The invocation of the function. */
  readonly by: string;
  readonly log: Log;
  readonly isSignInOn: boolean;
}

/**
 * Does what a form of the page asks for: approves a plan, rejects one, cancels a run, releases from quarantine, or checks a registry. It answers with the page of the
 * run, or with a page that says why nothing was done. What was approved is carried out, whether its client stays or leaves.
 */
export async function answerAction(request: HttpRequest, options: ActionOptions): Promise<HttpResponseInit> {
  // Read in any case: the host waits until the body of a request is read.
  const [form] = await Promise.allSettled([readForm(request)]);
  const asked = form.status === 'fulfilled' ? form.value : undefined;
  try {
    const { caller } = approverOf(request, options.isSignInOn);
    if (!asked) throw (form as PromiseRejectedResult).reason;
    const forged = whyForged(request, asked.csrf);
    if (forged !== undefined)
      throw new RequestError(403, `${forged}. Open the page of the run again, and send its form from there`);
    const shown = await done(asked, actorOf(caller), options);
    return {
      status: 303,
      headers: { Location: `?${new URLSearchParams(shown).toString()}`, 'Cache-Control': 'no-store' },
    };
  } catch (error) {
    return notDone(error, asked, options);
  }
}

/** @throws {SignInRefused | RequestError} for a client that may not approve */
function approverOf(request: HttpRequest, isSignInOn: boolean): Access & { readonly by: 'sign-in' } {
  const access = accessOf(request, isSignInOn);
  if (access.by === 'key') throw new RequestError(403, WITHOUT_SIGN_IN);
  if (!isApprover(access)) throw new RequestError(403, NO_APPROVER);
  return access;
}

/** A page that says why; of a fault of the service, the log says more. */
function notDone(error: unknown, form: ReviewForm | undefined, { now, log }: ActionOptions): HttpResponseInit {
  if (!isExpected(error)) logFault(log, error);
  const { status, detail } = problemOf(error);
  const run = form && 'run' in form ? form.run : undefined;
  const view =
    form?.action === 'check'
      ? { view: 'check', registry: form.registry }
      : run === undefined && form?.action === 'release'
        ? { view: 'quarantine', registry: form.registry }
        : {};
  const share = shareOf(new URLSearchParams(run === undefined ? view : { run }));
  if (error instanceof SignInRefused)
    return htmlResponse(renderRefused({ status: error.status, detail, share, caller: error.caller }), status);
  const setting: Setting = {
    code: undefined,
    link: linksWith(undefined),
    share,
    now,
    place: undefined,
    hasPulls: false,
  };
  const isUnsure = form !== undefined && mayBeRecorded(error);
  const title = form ? (isUnsure ? UNSURE : NOT_DONE)[form.action] : 'Nothing was done';
  const said = `${redact(detail)}${isUnsure ? '. The page of the run says what is recorded' : ''}`;
  return htmlResponse(renderNotDone(setting, { status, title, detail: said, run }), status);
}

/** Whether what was asked for may stand in the ledger all the same: it did not answer, and may have written it. */
function mayBeRecorded(error: unknown): boolean {
  return error instanceof LedgerError && !(error instanceof HeldError || error instanceof ConflictError);
}

const UNSURE: Readonly<Record<ReviewForm['action'], string>> = {
  approve: 'It is not certain that the plan was approved',
  reject: 'It is not certain that the plan was rejected',
  cancel: 'It is not certain that the run was cancelled',
  release: 'It is not certain what was released',
  check: 'It is not certain that the result of the check is kept',
};

const NOT_DONE: Readonly<Record<ReviewForm['action'], string>> = {
  approve: 'The plan was not approved',
  reject: 'The plan was not rejected',
  cancel: 'The run was not cancelled',
  release: 'Nothing was released',
  check: 'The registry was not checked',
};

const WITHOUT_SIGN_IN =
  'A key opened this page, and many may have the same: it is not known who asks. Approving, rejecting, cancelling, releasing and checking here ' +
  'take sign-in; docs/deploying.md, “Signing in to the review page”, says how it is set up. Machines use the master key, with ' +
  'POST /api/plans/<run>/apply, POST /api/plans/<run>/reject, POST /api/runs/<run>/cancel, POST /api/quarantine/release and POST /api/check';

const NO_APPROVER =
  'You may read, and not approve, reject, cancel, release or check: that takes the app role Retention.Approver. An owner of the app ' +
  'registration assigns it; then sign in again. docs/deploying.md, “Signing in to the review page”, has the commands';

/** @returns the view to look at afterwards: mostly that of a run */
async function done(form: ReviewForm, actor: Actor, options: ActionOptions): Promise<Record<string, string>> {
  const { ledger, now, by, log } = options;
  switch (form.action) {
    case 'cancel':
      await cancel(ledger, form.run, { now, askedBy: 'request', by, actor });
      return { run: form.run };
    case 'reject': {
      const { comment: reason, hash } = form;
      await rejectPlan(ledger, form.run, { now, reason, hash, startedBy: 'request', by, actor, log });
      return { run: form.run };
    }
    case 'approve':
      return { run: await approve(form, actor, options) };
    case 'release':
      return { run: await release(form, actor, options) };
    case 'check': {
      const { registry } = form;
      await untilShutdown((signal) => checkForPage(options.configuration, ledger, registry, signal));
      return { view: 'check', registry };
    }
  }
}

/** @returns the run that carries it out, once it is recorded */
async function approve(
  form: Extract<ReviewForm, { action: 'approve' }>,
  actor: Actor,
  { configuration, ledger, now, by, log }: ActionOptions,
): Promise<string> {
  const { run: id, hash, comment, registry } = form;
  const repositories = chosenIn(form);
  const record = await ledger.run(id);
  // Where settings are wrong, the plan is not carried out at all: the use case says so.
  const approvals = configuration.state === 'valid' ? configuration.settings.approvals : undefined;
  if (record?.plan && approvals) {
    const deletions = await deletionsIn(ledger, record, repositories);
    if (deletions > approvals.typedAbove && !isNameOf(registry, record.registry))
      throw new RequestError(
        400,
        `These are ${deletions} deletions, and above ${approvals.typedAbove} (APPROVAL_TYPED) an approval wants the name of the ` +
          `registry typed: ${registryNames(record.registry).join(', or ')}. Nothing was approved`,
      );
  }
  return onceBegun(log, (onBegin, signal) =>
    requestedApply(
      configuration,
      id,
      {
        approve: hash,
        ...(repositories && { repositories }),
        ...(comment !== '' && { comment }),
      },
      {
        now, ledger, startedBy: 'request', by, actor, signal, log,
        onDecisions: () => undefined,
        onBegin,
      },
    ).then((applied) => ('run' in applied ? applied.run.id : applied.summary.runId)),
  ); // prettier-ignore
}

/** @returns the run that releases it, once it is recorded */
function release(
  form: Extract<ReviewForm, { action: 'release' }>,
  actor: Actor,
  { configuration, ledger, now, by, log }: ActionOptions,
): Promise<string> {
  const { registry } = form;
  const toRelease = releasedIn(form);
  return onceBegun(log, async (onBegin, signal) => {
    const trigger = { now, ledger, startedBy: 'request', by, actor, signal, log, onBegin, onDecisions: () => undefined } as const; // prettier-ignore
    return (await requestedRelease(configuration, { registry, toRelease }, trigger)).runId;
  });
}

/**
 * Begins a run, and leaves it to itself once it is recorded.
 * @returns its id
 */
async function onceBegun(
  log: Log,
  run: (onBegin: (runId: string) => void, signal: AbortSignal) => Promise<string>,
): Promise<string> {
  let begun: (runId: string) => void = () => undefined;
  const begins = new Promise<string>((resolve) => (begun = resolve));
  const ended = untilShutdown((signal) => run(begun, signal));
  const first = await Promise.race([begins, ended]);
  ended.catch((error: unknown) => {
    // The client is answered. An error that it would have been told stands in the record.
    if (!isExpected(error)) logFault(log, error);
  });
  return first;
}

/** How much an approval would delete: all of the plan, or in these repositories. */
async function deletionsIn(
  ledger: Ledger,
  { id, plan }: RunRecord,
  repositories: readonly string[] | undefined,
): Promise<number> {
  if (!repositories) return plan?.deletions ?? 0;
  let deletions = 0;
  for (const name of repositories) deletions += (await ledger.repository(id, name))?.planned.deletions ?? 0;
  return deletions;
}
