import { spawnSync } from 'node:child_process';
import { hostCommand, type HostFlags, problemWith } from './flags.ts';

/* `npm start`: reads its flags and looks at the port before it builds, which takes a while, and then serves the app. */

const { port } = hostCommand().parse().opts<HostFlags>();
const problem = port === 0 ? undefined : await problemWith(port);
if (problem === undefined) await buildAndServe();
else {
  process.stderr.write(`acr-retention: ${problem}\n`);
  process.exitCode = 1;
}

async function buildAndServe(): Promise<void> {
  const npm = process.env['npm_execpath'];
  const build = ['run', '--silent', 'build'];
  const { status } =
    npm === undefined
      ? spawnSync('npm', build, { stdio: 'inherit' })
      : spawnSync(process.execPath, [npm, ...build], { stdio: 'inherit' });
  if (status === 0) await import(new URL('../../../dist/src/dev/host/main.js', import.meta.url).href);
  else process.exitCode = status ?? 1;
}
