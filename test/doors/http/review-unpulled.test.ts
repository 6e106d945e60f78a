import { describe, expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { UnpulledView } from '../../../src/doors/http/unpulled.ts';
import { RequestError } from '../../../src/doors/http/problem.ts';
import { RegistryError } from '../../../src/registry/errors.ts';
import type { UnpulledReport } from '../../../src/report/unpulled.ts';
import { ledgerOf, NOW } from '../../support/review.ts';
import { unpulledOf, viewOf } from '../../support/unpulled.ts';

const ASKED = 'view=unpulled&registry=contoso.azurecr.io&for=90d';

async function ask(unpulled: UnpulledView | undefined, query = ASKED): Promise<{ status: number; html: string }> {
  const { status = 200, body } = await reviewPage(ledgerOf([]), new URLSearchParams(query), NOW, unpulled);
  return { status, html: body as string };
}
const shown = async (over: Partial<UnpulledReport> = {}, query = ASKED) =>
  (await ask(viewOf(unpulledOf(over)), query)).html;

describe('what was not pulled', () => {
  test('the page says since when pulls are known, and lists repositories and images by size', async () => {
    const html = await shown();
    expect(html).toContain(
      '52 images of contoso.azurecr.io (21 GB) were not pulled for 90d; every pull is known since',
    );
    expect(html).toContain('The largest 40 of 52 images');
    expect(html).toContain('13 of 1,250');
    expect(html).toContain('all 14');
    expect(html).toContain('none known');
    expect(html.indexOf('900 MB')).toBeLessThan(html.indexOf('880 MB'));
    expect(html).not.toContain('Next repositories');
  });

  test('where pulls are not known for so long, it claims no more than is known', async () => {
    const html = await shown({ isLongEnough: false });
    expect(html).toContain('Pulls are known for a shorter time only');
    expect(html).toContain('any of these may have been pulled before that day');
    expect(html).not.toContain('were not pulled for 90d');
  });

  test('where nothing is known, it lists nothing, and says why', async () => {
    const { since: _, ...rest } = unpulledOf({ images: [], repositories: [], problems: ['the log answers 403'] });
    const { html } = await ask(viewOf(rest));
    expect(html).toContain('It is not known what was pulled of contoso.azurecr.io.');
    expect(html).toContain('the log answers 403');
    expect(html).not.toContain('<table');
  });

  test('a part of a registry says so, and links to the next with the key of the page', async () => {
    const part = { looked: { repositories: 2, of: 9 }, next: 'shop/web' };
    const html = await shown(part, `${ASKED}&code=k`);
    expect(html).toContain('52 images in 2 of 9 repositories of contoso.azurecr.io');
    expect(html).toContain('up to shop/web');
    expect(html).toContain(
      '?view=unpulled&amp;registry=contoso.azurecr.io&amp;for=90d&amp;after=shop%2Fweb&amp;code=k',
    );
    // Behind a sign-in there is no key, and none is put into a link.
    expect(await shown(part)).not.toContain('code=');
  });

  test('nothing is read before a registry is chosen', async () => {
    let asked = 0;
    const view = { registries: ['contoso.azurecr.io'], read: () => Promise.resolve(((asked += 1), unpulledOf())) };
    const { status, html } = await ask(view, 'view=unpulled');
    expect([status, asked]).toEqual([200, 0]);
    expect(html).toContain('<option>contoso.azurecr.io</option>');
    await ask(view);
    expect(asked).toBe(1);
  });

  test('it is in the menu only where pulls can be looked up', async () => {
    expect((await ask(viewOf(unpulledOf()), '')).html).toContain('href="?view=unpulled"');
    const { status, html } = await ask(undefined);
    expect(status).toBe(400);
    expect(html).toContain('REGISTRY_RESOURCE_ID');
    expect((await ask(undefined, '')).html).not.toContain('view=unpulled');
  });

  test.for([
    [new RegistryError('repositories', { status: 401, message: 'denied' }), 502, 'The registry cannot be read'],
    [new RequestError(429, 'two are being looked at'), 429, 'That cannot be asked'],
  ] as const)('an error is a page', async ([error, status, title]) => {
    const page = await ask({ registries: [], read: () => Promise.reject(error) });
    expect(page.status).toBe(status);
    expect(page.html).toContain(`<h1>${title}</h1>`);
  });
});
