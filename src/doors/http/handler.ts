import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { inInvocation, type Log } from '../../report/log.ts';
import { type Client, clientOf } from './client.ts';
import { isExpected, logFault, problemResponse } from './problem.ts';

export type Work = (request: HttpRequest, client: Client, context: InvocationContext) => Promise<HttpResponseInit>;

/**
 * A handler for the Functions host: what `work` logs belongs to the invocation, and what it throws is answered with a
 * problem document. Nothing is thrown further: the host would be left waiting for an answer.
 */
export function handler(log: Log, work: Work) {
  return (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> =>
    inInvocation(context, async () => {
      try {
        return await work(request, clientOf(context.invocationId), context);
      } catch (error) {
        if (!isExpected(error)) logFault(log, error);
        return problemResponse(error);
      }
    });
}
