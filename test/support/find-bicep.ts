import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

/*
 * Finds the Bicep compiler, once, before all tests: the environment variable BICEP, a `bicep` on the PATH that is as new
 * as these tests, or the one that NuGet has, where there is a `dotnet` to bring it (Linux on x64). By itself it prints
 * where that is, or fails.
 */

declare module 'vitest' {
  interface ProvidedContext {
    /** The Bicep compiler, if there is one. */
    readonly bicep: string | undefined;
  }
}

export function setup(project: TestProject): void {
  const bicep = find();
  if (bicep === undefined)
    process.stderr.write(
      'SKIPPED: what infra/ deploys is not checked: there is neither a bicep for it nor a dotnet on this machine.\n',
    );
  project.provide('bicep', bicep);
}

const project = new URL('bicep.csproj', import.meta.url);
const version = /Version="\[(.*?)\]"/.exec(readFileSync(project, 'utf8'))?.[1] ?? '';

function find(): string | undefined {
  return process.env['BICEP'] ?? newEnough(onPath('bicep')) ?? (onPath('dotnet') && fromNuget());
}

function onPath(command: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, command)).find((file) => existsSync(file));
}

/** An older one predicts nothing, or something else. */
function newEnough(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const found = /\d+\.\d+\.\d+/.exec(execFileSync(file, ['--version'], { encoding: 'utf8' }))?.[0] ?? '0';
  if (found.localeCompare(version, 'en', { numeric: true }) >= 0) return file;
  process.stderr.write(`The Bicep compiler ${file} is of version ${found}; these tests want ${version}.\n`);
  return undefined;
}

function fromNuget(): string | undefined {
  const folder = fileURLToPath(new URL('../../node_modules/.cache/bicep', import.meta.url));
  const file = join(folder, 'packages/azure.bicep.commandline.linux-x64', version, 'tools/bicep');
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  // Copied, because dotnet leaves things beside it.
  copyFileSync(project, join(folder, 'bicep.csproj'));
  try {
    execFileSync('dotnet', ['restore', folder, '--packages', join(folder, 'packages')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 180_000,
      env: { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' },
    });
  } catch (error) {
    const { stdout, message } = error as Error & { readonly stdout?: Buffer };
    process.stderr.write(`dotnet did not bring the Bicep compiler: ${message}\n${String(stdout ?? '')}`);
    return undefined;
  }
  return file;
}

if (import.meta.main) {
  const bicep = find();
  if (bicep === undefined) throw new Error('there is no Bicep compiler');
  process.stdout.write(`${bicep}\n`);
}
