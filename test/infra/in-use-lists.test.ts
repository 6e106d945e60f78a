import { describe, expect, test } from 'vitest';
import { APP, bicep, grantsOf, JOB, only, predict, type Resource } from '../support/bicep.ts';

const ONE = '00000000-0000-4000-8000-00000000000a';
const TWO = '00000000-0000-4000-8000-00000000000b';

async function predicted(template: string, parameters: Readonly<Record<string, string>>) {
  const { predictedResources, diagnostics } = await predict(
    template,
    parameters,
    template === 'main.bicep' ? {} : { resourceGroup: 'rg-job' },
  );
  expect(diagnostics).toEqual([]);
  return predictedResources;
}

const principalsOf = (all: readonly Resource[], id: string): readonly Resource[] =>
  all.filter(
    ({ type, properties }) =>
      type === 'Microsoft.Authorization/roleAssignments' && JSON.stringify(properties?.['principalId']).includes(id),
  );

describe.skipIf(bicep === undefined).each([
  ['the app', 'main.bicep', APP],
  ['the container job', 'container/job.bicep', JOB],
])('clusters that write lists for %s', (_, template, parameters) => {
  test('may write to one container of its storage, and are granted nothing else', async () => {
    const all = await predicted(template, { ...parameters, inUseWriterIds: `['${ONE}', '${TWO}']` });
    const account = only(all, 'Microsoft.Storage/storageAccounts').id;
    const container = `${account}/blobServices/default/containers/in-use`;
    expect(all.map(({ id }) => id)).toContain(container);
    for (const id of [ONE, TWO]) {
      const granted = principalsOf(all, id);
      expect(granted.map(({ id: where }) => where.replace(/\/providers\/[^/]+\/[^/]+\/[^/]+$/, ''))).toEqual([
        container,
      ]);
      expect(grantsOf(granted).map(({ role }) => role)).toEqual(['Storage Blob Data Contributor']);
    }
    expect(grantsOf(all).filter(({ role }) => role === 'Storage Blob Data Contributor')).toHaveLength(2);
    // By this it reads them.
    expect(grantsOf(all).filter(({ role, scope }) => role === 'Storage Blob Data Owner' && scope === account)).toHaveLength(1); // prettier-ignore
  });

  test('without any the container is there, and nothing is granted on it', async () => {
    const all = await predicted(template, parameters);
    expect(all.filter(({ id }) => id.endsWith('/containers/in-use'))).toHaveLength(1);
    expect(grantsOf(all).map(({ role }) => role)).not.toContain('Storage Blob Data Contributor');
  });
});

test.skipIf(bicep === undefined)('what is no object id is refused before anything is deployed', async () => {
  await expect(predict('main.bicep', { ...APP, inUseWriterIds: `['prod-cluster']` })).rejects.toThrow(
    /IN_USE_WRITER_IDS: write the object ids/,
  );
});
