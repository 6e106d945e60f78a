import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Source } from '../types.ts';
import { ArmError } from './errors.ts';
import { type AzureOptions, azureSource, checkScope, placeOf, type Reading, unlessGone } from './source.ts';

const VERSION = '2024-04-01';

/** Never `config/list/action`: that gives the secrets of an app. */
export const APP_SERVICE_ACTIONS = [
  'Microsoft.Web/sites/read',
  'Microsoft.Web/sites/config/read',
  'Microsoft.Web/sites/sitecontainers/read',
  'Microsoft.Web/sites/slots/read',
  'Microsoft.Web/sites/slots/config/read',
  'Microsoft.Web/sites/slots/sitecontainers/read',
] as const;

const site = z.object({
  id: z.string(),
  kind: z.string().nullish(),
  properties: z.object({ reserved: z.boolean().nullish() }),
});
type Site = z.infer<typeof site>;
const config = z.object({
  properties: z.object({ linuxFxVersion: z.string().nullish(), windowsFxVersion: z.string().nullish() }),
});
const sidecar = z.object({ name: z.string(), properties: z.object({ image: z.string().nullish() }) });

/** App Service and Functions: apps and their slots, running or stopped, with their sidecars. */
export function appService(options: AzureOptions, subscription: string): Source {
  return azureSource(options, `App Service and Functions in the subscription ${subscription}`, async (reading) => {
    const { arm, all, each } = reading;
    await checkScope(reading, subscription, APP_SERVICE_ACTIONS);
    await each(all(subscription, 'Microsoft.Web/sites', VERSION, site), async (app) => {
      await unlessGone(reading, app, VERSION, async () => {
        await readSite(reading, app);
        for await (const slot of arm.list(`${app.id}/slots`, VERSION, site))
          await unlessGone(reading, slot, VERSION, () => readSite(reading, slot));
      });
    });
  });
}

async function readSite({ arm, found, problem }: Reading, { id, kind, properties: { reserved } }: Site): Promise<void> {
  const where = `app ${placeOf(id)}`;
  const { properties } = await arm.get(`${id}/config/web`, VERSION, config);
  const versions = [properties.linuxFxVersion, properties.windowsFxVersion].filter((version) => version?.trim());
  for (const version of versions) {
    const images = imagesOf(version ?? '');
    if (images) images.forEach((image) => found(image, where));
    else problem(`${where}: its list of containers cannot be read`);
  }
  // Then it runs these containers and nothing else.
  const isListed = /^sitecontainers\b/i.test(properties.linuxFxVersion ?? '');
  // `app,linux,container`: then its configuration, or the list, names an image.
  const isContainer = /(?:^|,)(?:site)?containers?(?:,|$)/i.test(kind ?? '') && versions.length === 0;
  let sidecars = 0;
  // Windows has none.
  if (reserved !== false || isListed) {
    try {
      for await (const { name, properties: of } of arm.list(`${id}/sitecontainers`, VERSION, sidecar)) {
        found(of.image, `${where}, container ${name}`);
        sidecars += 1;
      }
    } catch (error) {
      // The app is there: its configuration was read, and names no such list. So it has none.
      if (isListed || !(error instanceof ArmError && error.status === 404)) throw error;
    }
  }
  if ((isContainer || isListed) && sidecars === 0) problem(`${where}: it runs containers, and names no image`);
}

/**
 * What an app runs: `DOCKER|host/repository:tag`, or a Compose or Kubernetes file as base64. Other values name a
 * language: `NODE|24`.
 * @returns `undefined` where it cannot be read
 */
function imagesOf(version: string): readonly string[] | undefined {
  const bar = version.indexOf('|');
  const [kind, rest] = [version.slice(0, bar).toUpperCase(), version.slice(bar + 1)];
  if (kind === 'DOCKER') return [rest.trim().replace(/^https?:\/\//i, '')];
  if (kind !== 'COMPOSE' && kind !== 'KUBE') return [];
  const images: string[] = [];
  const documents = parseAllDocuments(Buffer.from(rest, 'base64').toString('utf8'), { logLevel: 'silent' });
  for (const document of documents) {
    if (document.errors.length > 0) return undefined;
    try {
      collect(document.toJS({ maxAliasCount: 100 }), images);
    } catch {
      return undefined;
    }
  }
  // Such a file with no image would run nothing.
  return images.length === 0 ? undefined : images;
}

/** All texts under the key `image`, wherever they are. */
function collect(value: unknown, images: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'image' && typeof inner === 'string') images.push(inner);
    else collect(inner, images);
  }
}
