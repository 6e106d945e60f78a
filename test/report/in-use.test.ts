import { expect, test } from 'vitest';
import { type InUseReport, renderInUse } from '../../src/report/in-use.ts';

const AT = '2026-11-24T01:00:00.000Z';
const report: InUseReport = {
  registry: 'contoso.azurecr.io',
  state: 'incomplete',
  sources: [
    {
      source: 'kube',
      scope: 'all namespaces of the cluster',
      observedAt: AT,
      complete: true,
      images: 2,
      uses: [
        { repository: 'web', digest: `sha256:${'a'.repeat(64)}`, where: 'namespace shop, pod web-1' },
        { repository: 'app', tag: 'v1', where: 'namespace \u001b[31mshop\nFORGED: no problem' },
      ],
    },
    {
      source: 'list:edge.txt',
      scope: 'the images of the list',
      observedAt: AT,
      complete: false,
      problems: ['there is no such file'],
      images: 0,
      uses: [],
    },
  ],
  remembered: [
    {
      repository: 'job',
      config: `sha256:${'b'.repeat(64)}`,
      source: 'kube',
      where: 'pod nightly',
      first: AT,
      last: AT,
    },
  ],
};

test('what could not be read is on top, with what follows from it; then each source, then what is remembered', () => {
  expect(renderInUse(report)).toBe(
    [
      'INCOMPLETE: list:edge.txt: there is no such file',
      '',
      'While this is so, a run that deletes would delete nothing of contoso.azurecr.io, and end with exit code 1, until each source is read completely.',
      '',
      'source    kube',
      'reads     all namespaces of the cluster',
      `as of     ${AT}`,
      'complete  yes',
      'images    2',
      'IMAGE                                                                        WHERE',
      'app:v1                                                                       namespace \\u001b[31mshop\\u000aFORGED: no problem',
      `web@sha256:${'a'.repeat(64)}  namespace shop, pod web-1`,
      '',
      'source    list:edge.txt',
      'reads     the images of the list',
      `as of     ${AT}`,
      'complete  no',
      'images    0',
      '',
      'Seen in use by earlier runs, and kept for that:',
      `${'IMAGE'.padEnd(93)}WHERE              FIRST SEEN                LAST SEEN`,
      `job (configuration sha256:${'b'.repeat(64)})  kube, pod nightly  ${AT}  ${AT}`,
      '',
    ].join('\n'),
  );
});
