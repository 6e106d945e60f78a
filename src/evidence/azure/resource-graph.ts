import { type QueryRequestOptions, ResourceGraphClient } from '@azure/arm-resourcegraph';
import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { type ArmOptions, MAX_RETRIES, RETRY_DELAY_MS, timed } from './arm.ts';
import { ArmError } from './errors.ts';

const ROWS = 1_000;
const MOST_PAGES = 1_000;

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

/** The client takes any answer: what it does not hold is not there. */
const form = z.object({
  totalRecords: z.number(),
  resultTruncated: z.string(),
  skipToken: z.string().optional(),
  data: z.array(z.object({ id: z.string().startsWith('/subscriptions/') })),
});

/**
 * The ids of all resources of a type in a subscription, as the index of Azure has them. It lags by minutes, and is kept apart
 * from what the services answer themselves: what either of the two names is read.
 * @param type `Microsoft.App/jobs`
 * @throws {ArmError} where the answer is not all of it
 */
export async function indexedIds(
  { endpoint, audience, credential, clock, certificate }: ArmOptions,
  subscription: string,
  type: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const asked = `the index of ${type}`;
  const client = new ResourceGraphClient(credential, {
    endpoint,
    credentials: { scopes: [`${audience}/.default`] },
    retryOptions: { maxRetries: MAX_RETRIES, retryDelayInMs: RETRY_DELAY_MS },
    redirectOptions: { maxRetries: 0 },
    ...(certificate !== undefined && { tlsOptions: { ca: certificate } }),
  });
  client.pipeline.addPolicy(quota, { afterPhase: 'Retry' });
  const query = `resources | where type =~ '${type}' | project id | order by id asc`;
  const ids: string[] = [];
  let skipToken: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const options: QueryRequestOptions = {
      top: ROWS,
      resultFormat: 'objectArray',
      ...(skipToken !== undefined && { skipToken }),
    };
    const answer = await timed(asked, clock, signal, (abortSignal) =>
      client.resources({ query, subscriptions: [subscription], options }, { abortSignal }),
    );
    const page = form.safeParse(answer);
    if (!page.success)
      throw new ArmError(asked, 'the answer has not the form that is documented', { cause: page.error });
    const { data, totalRecords, resultTruncated } = page.data;
    for (const { id } of data) ids.push(id);
    ({ skipToken } = page.data);
    if (skipToken !== undefined && skipToken !== '') continue;
    if (resultTruncated !== 'false' || ids.length < totalRecords)
      throw new ArmError(asked, `it gives ${ids.length} of ${totalRecords}, and no next page`);
    return ids;
  }
  throw new ArmError(asked, `it has more than ${MOST_PAGES} pages`);
}
