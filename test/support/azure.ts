import { afterEach, expect } from 'vitest';
import type { Azure, AzureFault, AzureResource } from '../../src/dev/azure/answers.ts';
import { type RunningAzure, startAzure } from '../../src/dev/azure/server.ts';
import type { AzureOptions } from '../../src/evidence/azure/source.ts';
import type { Evidence, Source } from '../../src/evidence/types.ts';
import { systemClock } from '../../src/registry/clock.ts';

export const SUBSCRIPTION = '00000000-0000-4000-8000-000000000001';
export const TOKEN = 'a-token-that-is-secret';
export const REGISTRY = 'contoso.azurecr.io';

/** What a test has started; stopped after it. */
export const running: RunningAzure[] = [];
afterEach(async () => {
  for (const azure of running.splice(0)) await azure.stop();
});

export const idOf = (type: string, name: string): string =>
  `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/${type}/${name}`;
export const image = (name: string) => ({ name: 'main', image: `${REGISTRY}/${name}` });

const ALL = [{ actions: ['*/read'] }];

/** An Azure whose identity may read everything in its one subscription. */
export function azureWith(resources: readonly AzureResource[], more: Partial<Azure> = {}): Azure {
  return { tokens: new Set([TOKEN]), subscriptions: { [SUBSCRIPTION]: ALL }, resources, ...more };
}

export interface ReadOptions {
  readonly faults?: readonly AzureFault[];
  readonly token?: string | Error;
  readonly signal?: AbortSignal;
}

/** What a source says of it. */
export async function readFrom(
  azure: Azure,
  open: (options: AzureOptions, subscription: string) => Source,
  { faults = [], token = TOKEN, signal }: ReadOptions = {},
): Promise<Evidence & { readonly asked: readonly string[] }> {
  const started = await startAzure(azure, faults);
  running.push(started);
  const getToken = () =>
    typeof token === 'string'
      ? Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 })
      : Promise.reject(token);
  const source = open(
    { name: 'tried', credential: { getToken }, clock: systemClock, cloud: 'AzurePublicCloud', at: started },
    SUBSCRIPTION,
  );
  const evidence = await source.read(REGISTRY, signal);
  // Whatever happens: neither what proves the identity nor what Azure says of it.
  expect(JSON.stringify(evidence)).not.toMatch(/secret|names the identity/);
  return { ...evidence, asked: started.asked };
}

/** The images, in order. */
export const namesOf = ({ facts }: Evidence): readonly string[] =>
  facts.map(({ repository, tag, digest }) => `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`).toSorted(); // prettier-ignore

/** Container groups, for what is the same for all kinds. */
export const groups = Array.from({ length: 5 }, (_, index): AzureResource => ({
  id: idOf('Microsoft.ContainerInstance/containerGroups', `group-${index}`),
  properties: {
    containers: [{ name: 'main', properties: { image: `${REGISTRY}/main:v${index}`, ports: [] } }],
    ...(index === 0 && { initContainers: [{ name: 'init', properties: { image: `${REGISTRY}/init:v1` } }] }),
  },
}));
