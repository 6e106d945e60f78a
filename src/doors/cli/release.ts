import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { parseRegistry } from '../../policy/registries.ts';
import { readRememberSetting } from '../../policy/settings.ts';
import { type Ledger, releaseAt, type ToRelease, whatToRelease } from '../../index.ts';
import {
  accountHere,
  type DisplayFlags,
  displayOf,
  findRun,
  identityOf,
  type LedgerFlags,
  oneRegistry,
  openLedger,
  withDisplay,
  withLedger,
} from './flags.ts';
import { show } from './show.ts';

interface Flags extends LedgerFlags, DisplayFlags {
  readonly registry?: string;
  readonly username?: string;
  readonly password?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

/** Calls in flight at once. */
const CONCURRENCY = 8;

/** `acr-retention release <run-or-image>`: makes readable what is in quarantine. */
export function releaseCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withDisplay(withLedger(new Command('release')))
    .description(
      'make readable again what is in quarantine: an image with all that belongs to it, or what a run put there',
    )
    .argument('[run-or-image]', 'the id of the run that put it there; or repository:tag, or repository@sha256:…')
    .option('--all', 'everything that is in quarantine in the registry')
    .option('--dry-run', 'say what would be released, and change nothing')
    .option('-r, --registry <name>', "registry (default: ACR_REGISTRY, else the run's)")
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .option('--verbose', 'list every decision')
    .allowExcessArguments(false)
    .action(async (text: string | undefined, flags: Flags) => {
      const { env, stdout } = process;
      const { ledger } = openLedger(flags, env);
      const { toRelease, host } = askedFor(text, flags);
      const endpoint = await registryOf(ledger, toRelease, flags.registry ?? env['ACR_REGISTRY'] ?? host);
      if (host !== undefined && host !== endpoint.host)
        throw new PolicyError('--registry', endpoint.host, `is not the registry of the image, ${host}`);
      const target = { endpoint, concurrency: CONCURRENCY, ...identityOf(flags, env) };
      const summary = await show(displayOf(flags, env, stdout), stdout, (shown) =>
        releaseAt(target, flags.dryRun === true, {
          ...shown,
          ...accountHere(),
          ledger,
          toRelease,
          keepReleasedMilliseconds: readRememberSetting(env),
          startedBy: 'command line',
          now: new Date(),
        }),
      );
      finish(summary.succeeded ? 0 : 1);
    });
}

/** @throws {PolicyError | ReleaseRefused} */
function askedFor(text: string | undefined, { all = false }: Flags): ReturnType<typeof whatToRelease> {
  if (all && text !== undefined)
    throw new PolicyError('--all', undefined, `is everything; leave it away, or leave ${text} away`);
  if (all) return { toRelease: { all: true }, host: undefined };
  if (text === undefined)
    throw new PolicyError('run-or-image', undefined, 'say what to release: the id of a run, an image, or --all');
  return whatToRelease(text);
}

/** @throws {PolicyError} where it is not known */
async function registryOf(ledger: Ledger, toRelease: ToRelease, named: string | undefined): Promise<URL> {
  if (named !== undefined && named !== '') return oneRegistry(named);
  return 'run' in toRelease ? parseRegistry((await findRun(ledger, toRelease.run)).registry) : oneRegistry('');
}
