import { type QueryRequestOptions, ResourceGraphClient } from '@azure/arm-resourcegraph';
import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { type ArmOptions, MAX_RETRIES, RETRY_DELAY_MS, timed } from './arm.ts';
import { ArmError } from './errors.ts';

const ROWS = 1_000;
const MOST_PAGES = 1_000;

/** Fewer rows are not asked for, however large they are. */
const LEAST_ROWS = 10;

/** It says in a header of its own when it takes queries again: 15 in 5 seconds, and `hh:mm:ss` until the next ones. */
const quota: PipelinePolicy = {
  name: 'resourceGraphQuota',
  async sendRequest(request, next) {
    const response = await next(request);
    const resets = /^(\d\d):(\d\d):(\d\d)$/.exec(response.headers.get('x-ms-user-quota-resets-after') ?? '');
    if (response.status === 429 && resets && !response.headers.has('retry-after')) {
      const [hours = 0, minutes = 0, seconds = 0] = resets.slice(1).map(Number);
      response.headers.set('retry-after', String((hours * 60 + minutes) * 60 + seconds));
    }
    return response;
  },
};

/** What is asked. */
export interface GraphQuery<T> {
  /** In the words of an error: `the index of Microsoft.App/jobs`. */
  readonly asked: string;
  /** In the language of Resource Graph. It gives the column `id`, and is in order by it: without that there are no pages. */
  readonly query: string;
  readonly subscription: string;
  readonly row: z.ZodType<T>;
  /** Its rows may be so large that the service gives fewer of them at once. */
  readonly isLarge?: boolean;
}

/**
 * The rows that the index of Azure has, page by page.
 * @throws {ArmError} where the answer is not all of it, or not in the form that is documented
 */
export async function* graphPages<T>(
  { endpoint, audience, credential, clock, certificate }: ArmOptions,
  { asked, query, subscription, row, isLarge = false }: GraphQuery<T>,
  signal?: AbortSignal,
): AsyncGenerator<readonly T[], void, undefined> {
  const client = new ResourceGraphClient(credential, {
    endpoint,
    credentials: { scopes: [`${audience}/.default`] },
    retryOptions: { maxRetries: MAX_RETRIES, retryDelayInMs: RETRY_DELAY_MS },
    redirectOptions: { maxRetries: 0 },
    ...(certificate !== undefined && { tlsOptions: { ca: certificate } }),
  });
  client.pipeline.addPolicy(quota, { afterPhase: 'Retry' });
  // The client takes any answer: what it does not hold is not there.
  const form = z.object({
    totalRecords: z.number(),
    resultTruncated: z.string(),
    skipToken: z.string().optional(),
    data: z.array(row),
  });
  let skipToken: string | undefined;
  let top = ROWS;
  let rows = 0;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const options: QueryRequestOptions = {
      top,
      resultFormat: 'objectArray',
      ...(skipToken !== undefined && { skipToken }),
    };
    const answer = await timed(asked, clock, signal, (abortSignal) =>
      client.resources({ query, subscriptions: [subscription], options }, { abortSignal }),
    ).catch((error: unknown) => {
      if (!isLarge || top === LEAST_ROWS || !isTooLarge(error)) throw error;
    });
    if (!answer) {
      top = Math.max(LEAST_ROWS, Math.floor(top / 4));
      continue;
    }
    const page = form.safeParse(answer);
    if (!page.success)
      throw new ArmError(asked, 'the answer has not the form that is documented', { cause: page.error });
    const { data, totalRecords, resultTruncated } = page.data;
    rows += data.length;
    yield data;
    const before = skipToken;
    ({ skipToken } = page.data);
    if (skipToken !== undefined && skipToken !== '') {
      if (skipToken === before) throw new ArmError(asked, 'its next page is the same page again');
      continue;
    }
    if (resultTruncated !== 'false' || rows < totalRecords)
      throw new ArmError(asked, `it gives ${rows} of ${totalRecords}, and no next page`);
    return;
  }
  throw new ArmError(asked, `it has more than ${MOST_PAGES} pages`);
}

/** An answer may have 16 MB. That it would have more is said like any other mistake of a query. */
const isTooLarge = (error: unknown): boolean =>
  error instanceof ArmError && (error.status === 400 || error.status === 413);

const ids = z.object({ id: z.string().startsWith('/subscriptions/') });

/**
 * The ids of all resources of a type in a subscription, as the index of Azure has them. It lags by minutes, and is kept apart
 * from what the services answer themselves: what either of the two names is read.
 * @param type `Microsoft.App/jobs`
 * @throws {ArmError} where the answer is not all of it
 */
export async function indexedIds(
  options: ArmOptions,
  subscription: string,
  type: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const query = `resources | where type =~ '${type}' | project id | order by id asc`;
  const pages = graphPages(options, { asked: `the index of ${type}`, query, subscription, row: ids }, signal);
  return (await Array.fromAsync(pages)).flat().map(({ id }) => id);
}
