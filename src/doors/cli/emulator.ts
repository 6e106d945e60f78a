import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { PolicyError, InvalidPolicy } from '../../policy/errors.ts';
import { repeated } from './evidence-flags.ts';

interface EmulatorFlags {
  readonly state?: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly certificate?: string;
  readonly latency?: number;
  readonly errorRate?: number;
  readonly dropRate?: number;
  readonly readsPerSecond?: number;
  readonly deletesPerSecond?: number;
  readonly tokenLife?: number;
  readonly pageSizeLimit?: number;
  readonly deny?: readonly string[];
  readonly abac?: boolean;
  readonly softDelete?: number;
}

/** `acr-retention emulator`: the embedded registry, for tests. Serves until it is stopped. */
export function emulatorCommand(): Command {
  return new Command('emulator')
    .description('serve an embedded registry on loopback, for tests; it answers as Azure Container Registry does')
    .allowExcessArguments(false)
    .option('--state <file>', 'what is in it: JSON in the shape of test/conformance (default: a sample)')
    .option('--port <n>', 'port (default: any free one)', readPort, 0)
    .option('--username <name>', 'also accept this user')
    .option('--password <secret>', 'with this password')
    .option('--certificate <file>', 'write its certificate here (default: a temporary file)')
    .option('--latency <ms>', 'answer every call that much later', readNumber)
    .option('--error-rate <share>', 'share of calls (0 to 1) that answer 503', readNumber)
    .option('--drop-rate <share>', 'share of calls (0 to 1) whose connection breaks', readNumber)
    .option('--reads-per-second <n>', 'above it: 429', readNumber)
    .option('--deletes-per-second <n>', 'above it: 429', readNumber)
    .option('--token-life <seconds>', 'life of access tokens', readNumber)
    .option(
      '--deny <action>',
      'refuse it to every identity: catalog, metadata_read, pull, delete, deleted_read or another one; may be repeated',
      repeated,
    )
    .option('--abac', 'a registry that assigns roles by repository')
    .option('--soft-delete <days>', 'what is deleted can be restored for so long', readDays)
    .option('--page-size-limit <n>', 'larger pages are cut to it', readNumber)
    .action(serve);
}

async function serve({ state, port, username, password, certificate, ...flags }: EmulatorFlags): Promise<void> {
  // Imported only here: the deployed app has no emulator.
  const { parseRegistryState, sampleRegistry, startEmulator } = await import('../../dev/emulator/index.ts');
  if ((username === undefined) !== (password === undefined)) {
    throw new InvalidPolicy([new PolicyError('--username', username ?? '', 'goes with --password')]);
  }
  const repositories = state === undefined ? sampleRegistry() : await readState(state, parseRegistryState);
  const emulator = await startEmulator({
    repositories,
    port,
    ...(username !== undefined && password !== undefined && { basic: { username, password } }),
    ...(flags.deny && { denied: { actions: flags.deny } }),
    ...(flags.abac === true && { abac: true }),
    ...(flags.softDelete !== undefined && { softDelete: { retentionDays: flags.softDelete } }),
    ...(flags.tokenLife !== undefined && { tokenLifeSeconds: flags.tokenLife }),
    ...(flags.pageSizeLimit !== undefined && { pageSizeLimit: flags.pageSizeLimit }),
    faults: {
      ...(flags.latency !== undefined && { latencyMs: flags.latency }),
      ...(flags.errorRate !== undefined && { errorRate: flags.errorRate }),
      ...(flags.dropRate !== undefined && { dropRate: flags.dropRate }),
      ...(flags.readsPerSecond !== undefined && { readsPerSecond: flags.readsPerSecond }),
      ...(flags.deletesPerSecond !== undefined && { deletesPerSecond: flags.deletesPerSecond }),
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'acr-retention-'));
  const file = certificate ?? join(folder, 'certificate.pem');
  await writeFile(file, emulator.certificate);
  const environment = { NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: file, ...emulator.environment };
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${value}`);
  process.stdout.write(`registry: ${emulator.url}\n${exports.join('\n')}\n`);
  await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
  await emulator.close();
  await rm(folder, { recursive: true });
}

/** @throws {InvalidPolicy} where the file cannot be read, or is no state */
async function readState<T>(file: string, parse: (json: unknown) => T): Promise<T> {
  try {
    return parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new InvalidPolicy([new PolicyError('--state', file, (cause as Error).message, { cause })]);
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return port;
}

/** As many as the service lets one choose. */
function readDays(text: string): number {
  const days = Number(text);
  if (!/^\d+$/.test(text) || days < 1 || days > 90) throw new InvalidArgumentError('must be 1 to 90 days');
  return days;
}

function readNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !(number >= 0)) throw new InvalidArgumentError('must be a number, and not negative');
  return number;
}
