import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import { PAGE, renderHome } from '../../../report/page/index.ts';
import { ROUTES } from '../routes.ts';
import { htmlResponse } from './html.ts';

/** The parameters that say which view is asked for. */
const PARAMETERS: readonly string[] = ROUTES.filter(({ path }) => path === PAGE).flatMap(({ methods }) =>
  (methods.get?.query ?? []).flatMap(({ shape }) => Object.keys(shape)),
);

/** No name in a registry is longer. */
const MAX_LENGTH = 1_000;

/** What a link without a key keeps: the parameters of the page, each once. */
function viewIn(query: URLSearchParams): readonly (readonly [name: string, value: string])[] {
  return [...new Set(PARAMETERS)].flatMap((name) => {
    const value = query.get(name);
    return value === null || value.length > MAX_LENGTH ? [] : [[name, value] as const];
  });
}

/** The address of a view for other people. */
export function shareOf(query: URLSearchParams): string {
  const parameters = new URLSearchParams(viewIn(query).map(([name, value]) => [name, value]));
  return parameters.size === 0 ? '/review' : `/review?${parameters.toString()}`;
}

/**
 * Leads to the review page. It looks at nothing but the address: any client may ask for it.
 * @param isSignInOn the platform signs people in before they reach the page
 */
export function answerHome({ query }: Pick<HttpRequest, 'query'>, isSignInOn: boolean): HttpResponseInit {
  const view = viewIn(query);
  const code = isSignInOn ? null : query.get('code');
  if (!isSignInOn && code === null) return htmlResponse(renderHome(view));
  const parameters = new URLSearchParams([...view.map(([name, value]) => [name, value])]);
  // A client that has added its key to a link wants the page that the link is about; the host checks the key there.
  if (code !== null) parameters.set('code', code);
  const address = parameters.size === 0 ? PAGE : `${PAGE}?${parameters.toString()}`;
  return {
    status: 302,
    headers: { Location: address, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
  };
}
