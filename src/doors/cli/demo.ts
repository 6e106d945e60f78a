import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Emulator } from '../../dev/emulator/index.ts';
import { readInUse } from '../../policy/in-use.ts';
import { createPolicy, type PurgeFlags } from '../../policy/purge-policy.ts';
import { findingsBeforeAndAfter } from '../../report/finding-words.ts';
import { sentence, styleOf } from '../../report/style.ts';
import { runPurge } from './purge.ts';
import {
  evidenceFrom,
  findingsFrom,
  type Ledger,
  type RunOptions,
  type RunSummary,
  type TargetOptions,
  temporaryLedger,
} from '../../index.ts';

const USER = { username: 'demo', password: 'demo' } as const;

/** A command with a common mistake, as it stands in many ACR Tasks. */
const MISTAKEN = '^.*:[^F|f]eature[-0-9]*$';

/** Something that runs, and whose image nothing else would keep. */
const RUNNING = { image: 'microtodo-frontendapi:pr-43', where: 'namespace review, deployment pr-43' } as const;
const LIST = 'running.txt';

const DAY_MS = 86_400_000;

/** `acr-retention demo`: a registry with sample data, a command with a common mistake, and a purge that deletes. */
export function demoCommand(finish: (exitCode: 0 | 1) => void): Command {
  return new Command('demo')
    .description('try it out: serve a sample registry on loopback, look at it with a dry run, and purge it')
    .allowExcessArguments(false)
    .action(async () => {
      const { sampleRegistry, startEmulator } = await import('../../dev/emulator/index.ts');
      const emulator = await startEmulator({ repositories: sampleRegistry(), basic: USER });
      const folder = await mkdtemp(join(tmpdir(), 'acr-retention-demo-'));
      try {
        await writeFile(join(folder, LIST), `${emulator.loginServer}/${RUNNING.image} ${RUNNING.where}\n`);
        finish((await demonstrate(emulator, folder)) ? 0 : 1);
      } finally {
        await rm(folder, { recursive: true, force: true });
        await emulator.close();
      }
    });
}

/** @param folder where the list of what runs is */
async function demonstrate(emulator: Emulator, folder: string): Promise<boolean> {
  const ledger = temporaryLedger();
  const registry = {
    endpoint: new URL(emulator.url),
    certificate: emulator.certificate,
    concurrency: 8,
    ...USER,
  };
  say(`A sample registry serves on ${emulator.loginServer}, on this machine only: ${contents(emulator)}.`);

  title('1. A command with a common mistake, as a dry run');
  const mistaken = await show(registry, ledger, {
    filter: [MISTAKEN],
    ago: '30d',
    untagged: true,
    keep: '1',
    dryRun: true,
  });
  say(
    '\nNote the warning. [^F|f] means "any one character but F, | and f", so the filter asks for tags such as "Xeature-1", ' +
      'and no feature-1 is ever matched: run every Sunday, this task deletes stray manifests and not one feature tag. ' +
      'What was meant is [Ff].',
  );

  title('2. What was meant, and a little more; this time it deletes');
  say(`${LIST} names what runs, as a cluster would: ${RUNNING.image}, ${RUNNING.where}.\n`);
  const before = contents(emulator);
  const evidence = evidenceFrom({
    inUse: {
      sources: readInUse([`list:${LIST}`], '--in-use'),
      rememberMilliseconds: 14 * DAY_MS,
      listMaxAgeMilliseconds: DAY_MS,
      root: folder,
    },
    pulled: undefined,
    identity: {},
  });
  const findings = findingsFrom({ findings: ['referrers'], pullLog: { resources: [] }, identity: {} });
  const purged = await show(
    registry,
    ledger,
    { filter: ['.*:^([Ff]eature|pr|ci|dev|sha256)-'], ago: '30d', untagged: true },
    { evidence, findings, storage: {} },
  );
  say(`Before: ${before}.\nAfter:  ${contents(emulator)}.`);
  say(
    'Every multi-arch image that is kept has its platforms, and every signature and SBOM its image. What acr purge would ' +
      'have deleted as well are platforms of locked images, the cosign signature of an image that is kept, and the image ' +
      `of ${RUNNING.image}, which is old, and runs.`,
  );
  title('Next');
  say(
    'acr-retention purge --registry <yours> --filter "<repository>:<tag>" --ago 30d --untagged --dry-run --verbose\n' +
      'asks your own registry the same question, with the identity you are signed in with (az login).',
  );
  const { findings: sums } = purged.totals;
  const said = sums && findingsBeforeAndAfter(sums);
  if (said !== undefined) say(`\n${said}`);
  return mistaken.succeeded && purged.succeeded;
}

/** Shows the command as one would type it, and runs it. */
async function show(
  registry: TargetOptions,
  ledger: Ledger,
  flags: PurgeFlags,
  { evidence, findings, storage }: Pick<RunOptions, 'evidence' | 'findings' | 'storage'> = {},
): Promise<RunSummary> {
  const typed = [
    'acr-retention purge',
    ...(flags.filter ?? []).map((filter) => `--filter '${filter}'`),
    `--ago ${flags.ago ?? ''}`,
    ...(flags.untagged ? ['--untagged'] : []),
    ...(flags.keep === undefined ? [] : [`--keep ${flags.keep}`]),
    ...(flags.dryRun ? ['--dry-run'] : []),
    ...(evidence?.sources ?? []).map(({ name }) => `--in-use ${name}`),
    ...(findings?.sources ?? []).map(({ source }) => `--findings ${source}`),
    ...(storage ? ['--storage'] : []),
  ];
  say(`$ ${typed.join(' ')}`);
  return runPurge(
    registry,
    createPolicy(flags),
    { output: 'text', style: styleOf(process.stdout, process.env), passing: true, ledger, evidence, findings, storage },
    process.stdout,
  );
}

function contents(emulator: Emulator): string {
  const repositories = Object.keys(emulator.repositories()).length;
  return `${repositories} repositories, ${emulator.tagsLeft().length} tags, ${emulator.manifestsLeft().length} manifests`;
}

function title(text: string): void {
  say(`\n${text}\n${'-'.repeat(text.length)}`);
}

function say(text: string): void {
  const style = styleOf(process.stdout, process.env);
  for (const line of text.split('\n')) process.stdout.write(`${sentence(style, line, '')}\n`);
}
