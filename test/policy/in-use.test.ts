import { expect, test } from 'vitest';
import { readInUse } from '../../src/policy/in-use.ts';
import { readInUseSettings } from '../../src/policy/settings.ts';

const ID = '00000000-1111-2222-3333-444444444444';
const CLUSTER = `/subscriptions/${ID}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/prod`;

test('sources stand one a line, or are separated by blanks, each once', () => {
  expect(readInUse([`kube kube:prod\n aks:${CLUSTER}`, `aks:${ID.toUpperCase()} kube`], 'IN_USE')).toEqual([
    { kind: 'kube', text: 'kube', context: undefined },
    { kind: 'kube', text: 'kube:prod', context: 'prod' },
    { kind: 'aks', text: `aks:${CLUSTER}`, cluster: CLUSTER },
    { kind: 'aks', text: `aks:${ID}`, subscription: ID },
  ]);
});

test.each(['containerapps', 'appservice', 'aci'])('%s is about a subscription', (kind) => {
  expect(readInUse([`${kind}:${ID}`], 'IN_USE')).toEqual([{ kind, text: `${kind}:${ID}`, subscription: ID }]);
  expect(() => readInUse([`${kind}:prod`], 'IN_USE')).toThrow(/IN_USE.*write its id, a GUID/);
});

test('what may be a key in the address of a list is never shown', () => {
  const [list] = readInUse(['list:https://contoso.blob.core.windows.net/in-use/edge.txt?sv=1&sig=abc'], 'IN_USE');
  expect(list).toEqual({
    kind: 'list',
    text: 'list:https://contoso.blob.core.windows.net/in-use/edge.txt?…',
    from: 'https://contoso.blob.core.windows.net/in-use/edge.txt?sv=1&sig=abc',
  });
  expect(readInUse(['list:edge.txt'], 'IN_USE')).toMatchObject([{ text: 'list:edge.txt', from: 'edge.txt' }]);
});

test.each([
  ['docker:prod', /is no source; there are kube, /],
  ['aks:prod', /names no cluster; write its resource id/],
  ['list:', /names no list/],
  ['list:http://example.com/in-use.txt', /must be an https:\/\/ URL/],
  ['list:https://me:secret@example.com/in-use.txt', /holds a user name or a password/],
])('%s is refused, with what to write', (text, why) => {
  const read = (): unknown => readInUse([text], '--in-use');
  expect(read).toThrow(why);
  expect(read).toThrow(/^(?!.*secret).*--in-use/s);
});

test('every mistake is named at once', () => {
  expect(() => readInUse(['aks:prod docker'], 'IN_USE')).toThrow(/names no cluster[\s\S]*is no source/);
});

test('a flag counts instead of the setting, and the times of the settings hold for it', () => {
  const environment = { IN_USE: 'docker', IN_USE_REMEMBER: '2d' };
  expect(readInUseSettings(environment, ['kube'])).toEqual({
    sources: [{ kind: 'kube', text: 'kube', context: undefined }],
    rememberMilliseconds: 172_800_000,
    listMaxAgeMilliseconds: 93_600_000,
  });
  expect(() => readInUseSettings(environment)).toThrow(/IN_USE.*is no source/);
  expect(readInUseSettings({})).toBeUndefined();
});

test('two addresses that are shown alike are two sources', () => {
  const lists = ['list:https://example.com/list?cluster=a', 'list:https://example.com/list?cluster=b'];
  expect(readInUse(lists, 'IN_USE')).toHaveLength(2);
});

test('a flag without a source is a mistake: it would take away what IN_USE names', () => {
  expect(() => readInUseSettings({ IN_USE: 'kube' }, [''])).toThrow(/--in-use.*names no source/);
});
