import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/*
 * Builds Program.cs, once: what is built is kept under node_modules/.cache by the hash of its sources.
 */

const run = promisify(execFile);
const sources = ['functions-host.csproj', 'Program.cs'].map((name) => fileURLToPath(new URL(name, import.meta.url)));
const cache = fileURLToPath(new URL('../../../node_modules/.cache/functions-host', import.meta.url));

/** Whether there is a `dotnet` on the PATH, without which there is nothing to build with. */
export const dotnet = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'dotnet')));

function programFile(): string {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  return join(cache, hash.digest('hex').slice(0, 16), 'functions-host.dll');
}

/** Holds why the build that was begun for this run of the tests failed. */
const failure = join(cache, 'failed');

/** Begins to build it; {@link whenBuilt} waits for that, in this process or in another. */
export function startBuilding(): void {
  rmSync(failure, { force: true });
  built().catch((error: unknown) => {
    mkdirSync(cache, { recursive: true });
    writeFileSync(failure, (error as Error).message);
  });
}

/** The program that {@link startBuilding} builds. */
export async function whenBuilt(): Promise<string> {
  const program = programFile();
  while (!existsSync(program)) {
    if (existsSync(failure)) throw new Error(readFileSync(failure, 'utf8'));
    await sleep(100);
  }
  return program;
}

/**
 * @returns the program, to be run by `dotnet`
 * @throws where dotnet cannot build it: it needs NuGet
 */
export async function built(): Promise<string> {
  const program = programFile();
  if (existsSync(program)) return program;
  await mkdir(cache, { recursive: true });
  // In a folder of its own, so that two that build it at the same time are not in each other's way.
  const folder = await mkdtemp(join(cache, 'build-'));
  try {
    // Copied, because dotnet leaves things beside them.
    for (const source of sources) await cp(source, join(folder, source.replace(/^.*[/\\]/, '')));
    await run(
      'dotnet',
      [
        // Leaves no servers behind.
        ...['build', folder, '--output', join(folder, 'out'), '-nodeReuse:false', '-p:UseSharedCompilation=false'],
        `-p:RestorePackagesPath=${join(folder, 'packages')}`,
      ],
      { timeout: 540_000, maxBuffer: 64 << 20, env: { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1' } },
    ).catch((error: unknown) => {
      const { stdout = '', message } = error as Error & { readonly stdout?: string };
      throw new Error(`dotnet did not build ${folder}: ${message}\n${stdout}`, { cause: error });
    });
    await rename(join(folder, 'out'), dirname(program)).catch((error: unknown) => {
      // Another one was faster.
      if (!existsSync(program)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return program;
}
