import { expect, test } from 'vitest';
import { readArchive } from '../../src/policy/archive.ts';

test.each([
  ['./archive', { kind: 'folder', folder: './archive' }],
  ['/var/archive', { kind: 'folder', folder: '/var/archive' }],
  ['C:\\archive', { kind: 'folder', folder: 'C:\\archive' }],
  ['file:///var/my%20archive', { kind: 'folder', folder: '/var/my archive' }],
  ['file:///C:/archive', { kind: 'folder', folder: 'C:/archive' }],
  [
    'https://contoso.blob.core.windows.net/archive',
    { kind: 'blob', accountUrl: 'https://contoso.blob.core.windows.net', container: 'archive', prefix: '' },
  ],
  [
    'https://contoso.blob.core.windows.net/archive/images/prod/',
    { kind: 'blob', accountUrl: 'https://contoso.blob.core.windows.net', container: 'archive', prefix: 'images/prod/' },
  ],
  [
    'https://127.0.0.1:10000/devstoreaccount1/archive/a',
    { kind: 'blob', accountUrl: 'https://127.0.0.1:10000/devstoreaccount1', container: 'archive', prefix: 'a/' },
  ],
])('%s is an archive', (text, location) => {
  expect(readArchive(text, 'ARCHIVE')).toEqual(location);
});

test.each([
  ['archive', /must be the https:\/\/ URL of a container/],
  ['http://contoso.blob.core.windows.net/archive', /must be an https:\/\/ URL/],
  ['https://contoso.blob.core.windows.net', /must name a container/],
  ['https://contoso.blob.core.windows.net/Archive', /no name of a container/],
  ['https://contoso.blob.core.windows.net/a--b', /no name of a container/],
  ['https://contoso.blob.core.windows.net/archive/a%20b', /a path below the container/],
  ['https://contoso.blob.core.windows.net/archive?sv=2024&sig=hush', /without a key/],
  ['https://user:hush@contoso.blob.core.windows.net/archive', /without a key/],
  ['//contoso.blob.core.windows.net/archive?sv=2024&sig=hush', /must be the https/],
  ['file:///%E0%A4%A', /a % that stands for nothing/],
  ['ftp://contoso/archive', /must be an https:\/\/ URL/],
  ['DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hush', /must be the https/],
])('%s is none, and no key is repeated', (text, message) => {
  const read = () => readArchive(text, 'ARCHIVE');
  expect(read).toThrow(message);
  expect(read).not.toThrow(/hush/);
});
