import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What is loaded once a source is asked, and not when the app starts. */
const LATE =
  /src\/evidence\/(?:azure\/(?!clouds)|kubernetes|pull)|node_modules\/(?:@kubernetes|@azure\/(?:arm-|monitor-query))/;

test('the app starts without loading what a source needs, and has it', async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['functions/*.ts'],
    outdir: 'not-written',
    bundle: true,
    splitting: true,
    metafile: true,
    write: false,
    platform: 'node',
    format: 'esm',
    external: ['@azure/functions-core'],
    logLevel: 'silent',
  });
  const { outputs } = metafile;
  const first = new Set(Object.keys(outputs).filter((file) => outputs[file]?.entryPoint?.startsWith('functions/')));
  for (const file of first)
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === 'import-statement') first.add(path);
  const inputsOf = (files: Iterable<string>): readonly string[] =>
    [...files].flatMap((file) => Object.keys(outputs[file]?.inputs ?? {})).filter((input) => LATE.test(input));
  expect(inputsOf(first)).toEqual([]);
  const late = inputsOf(Object.keys(outputs)).join('\n');
  for (const one of ['src/evidence/pulls.ts', 'src/evidence/azure/aks.ts', '@kubernetes/', '@azure/monitor-query-logs'])
    expect(late).toContain(one);
}, 60_000);
