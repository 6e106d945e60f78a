import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Copy, DockerfileParser, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import { type Emulator, sampleRegistry } from '../../src/dev/emulator/index.ts';
import type { Ran } from './cli.ts';
import { newFolder } from './ledger.ts';
import { USER, withServedEmulator } from './registry.ts';

/** The top of the project. */
export const project = fileURLToPath(new URL('../../', import.meta.url));

interface CopyStep {
  /** The stage that it copies from; `undefined`: the build context. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export interface Stage {
  readonly name: string | undefined;
  /** With the defaults of its arguments. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
  readonly copies: readonly CopyStep[];
}

/** The stages of infra/container/Dockerfile. */
export function stages(): readonly Stage[] {
  const parsed = DockerfileParser.parse(readFileSync(join(project, 'infra/container/Dockerfile'), 'utf8'));
  const initial = new Map(
    parsed.getInitialARGs().map((argument) => {
      const { name = '', value = '' } = namedIn(argument.getArgumentsContent() ?? '');
      return [name, value];
    }),
  );
  return parsed.getFROMs().map((from) => {
    const stage = parsed.getContainingImage(from.getRange().start);
    const image = (from.getImage() ?? '').replace(/\$\{(\w+)\}/g, (_, name: string) => initial.get(name) ?? '');
    return {
      name: from.getBuildStage() ?? undefined,
      base: image,
      instructions: stage?.getInstructions() ?? [],
      copies: (stage?.getCOPYs() ?? []).map(stepOf),
    };
  });
}

function namedIn(text: string): { readonly name?: string; readonly value?: string } {
  return /^(?<name>\w+)=(?<value>.*)$/.exec(text)?.groups ?? {};
}

function stepOf(copy: Copy): CopyStep {
  const paths = copy.getArguments().map((argument) => argument.getValue());
  return {
    from: copy.getFromFlag()?.getValue() ?? undefined,
    sources: paths.slice(0, -1),
    target: paths.at(-1) ?? '',
  };
}

/** The arguments of an instruction in exec form; `undefined`: it has the form for a shell. */
export function execForm(instruction: Instruction | undefined): readonly string[] | undefined {
  const json = instruction as JSONInstruction | undefined;
  if (!json?.getOpeningBracket()) return undefined;
  return json.getJSONStrings().map((text) => text.getJSONValue());
}

/** Where the last stage copies from, as it lies in this project after `npm run build`. */
export function inProject(source: string): string {
  return join(project, source.replace(/^\/project\//, ''));
}

/** Lays out what the last stage copies, and nothing else. Returns the root. */
export function layOut(): string {
  const root = newFolder();
  for (const { sources, target } of stages().at(-1)?.copies ?? []) {
    for (const source of sources) {
      mkdirSync(join(root, dirname(target)), { recursive: true });
      cpSync(inProject(source), join(root, target), { recursive: true });
    }
  }
  return root;
}

/** The command that the image starts: its own Node is the one that runs this test. */
function entryOf(root: string): readonly string[] {
  const [node = '', ...words] = execForm(stages().at(-1)?.instructions.find(isEntrypoint)) ?? [];
  if (!node.endsWith('/node')) throw new Error(`${node} is not Node`);
  return [process.execPath, ...words.slice(0, -1), join(root, words.at(-1) ?? '')];
}

const isEntrypoint = (instruction: Instruction): boolean => instruction.getKeyword() === 'ENTRYPOINT';

/** What a container would be given, and nothing of what this process has. */
export function environmentFor(emulator: Emulator, certificate: string): NodeJS.ProcessEnv {
  return {
    ACR_REGISTRY: emulator.loginServer,
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
    NODE_EXTRA_CA_CERTS: certificate,
    // As the image sets it.
    LOG_FORMAT: 'json',
  };
}

/** Starts the image with arguments, in a folder that stands for its working directory. */
export function start(
  root: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  inFront: readonly string[] = [],
) {
  const [command = '', ...rest] = [...inFront, ...entryOf(root), ...args];
  const child = spawn(command, rest, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, ...output }));
  });
  return { child, ended };
}

/** A folder that stands for the working directory, and a file with the emulator's certificate. */
export function place(certificate: string): { readonly home: string; readonly file: string } {
  const [home, file] = [newFolder(), newFolder()];
  mkdirSync(home, { recursive: true });
  writeFileSync(file, certificate);
  return { home, file };
}

/** Starts the image with arguments at the sample registry; says how many manifests are gone afterwards. */
export function runSample(args: readonly string[]): Promise<{ readonly ran: Ran; readonly gone: number }> {
  return withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const { home, file } = place(emulator.certificate);
    const before = emulator.manifestsLeft().length;
    const environment = { ...environmentFor(emulator, file), LOG_LEVEL: 'silent' };
    const ran = await start(layOut(), args, home, environment).ended;
    return { ran, gone: before - emulator.manifestsLeft().length };
  });
}

/** What is written in front of a command so that it is process 1, as in a container. `undefined`: not on this machine. */
export function asProcessOne(): readonly string[] | undefined {
  const inFront = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
  const [command = '', ...rest] = inFront;
  const { stdout } = spawnSync(command, [...rest, process.execPath, '-p', 'process.pid'], { encoding: 'utf8' });
  return (stdout as string | null)?.trim() === '1' ? inFront : undefined;
}

/** The process that `unshare` started. */
export function childOf(pid: number | undefined): number {
  const children = readFileSync(`/proc/${pid ?? 0}/task/${pid ?? 0}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}
