import { readFile, writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { PolicyError } from '../policy/error.ts';
import { InvalidPolicy } from '../policy/policy.ts';

interface EmulatorFlags {
  readonly state?: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly certificate?: string;
}

/** `acr-retention emulator`: the embedded registry for anyone's tests. Serves until it is stopped. */
export function emulatorCommand(): Command {
  return new Command('emulator')
    .description('serve an embedded registry on loopback, for tests; it answers as Azure Container Registry does')
    .allowExcessArguments(false)
    .option('--state <file>', 'what is in it: JSON in the shape of test/conformance (default: a sample)')
    .option('--port <n>', 'port (default: any free one)', readPort, 0)
    .option('--username <name>', 'also accept this user')
    .option('--password <secret>', 'with this password')
    .option('--certificate <file>', 'write its certificate here, for NODE_EXTRA_CA_CERTS or SSL_CERT_FILE')
    .action(serve);
}

async function serve({ state, port, username, password, certificate }: EmulatorFlags): Promise<void> {
  // Only here: what is deployed holds no emulator.
  const { parseRegistryState, sampleRegistry, startEmulator } = await import('../emulator/index.ts');
  if ((username === undefined) !== (password === undefined)) {
    throw new InvalidPolicy([new PolicyError('--username', username ?? '', 'goes with --password')]);
  }
  const repositories = state === undefined ? sampleRegistry() : parseRegistryState(await readState(state));
  const emulator = await startEmulator({
    repositories,
    port,
    ...(username !== undefined && password !== undefined && { basic: { username, password } }),
  });
  if (certificate !== undefined) await writeFile(certificate, emulator.certificate);
  const lines = [`registry: ${emulator.url}`];
  if (certificate !== undefined) lines.push(`export NODE_EXTRA_CA_CERTS=${certificate} SSL_CERT_FILE=${certificate}`);
  for (const [name, value] of Object.entries(emulator.environment)) lines.push(`export ${name}=${value}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
  await emulator.close();
}

async function readState(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new InvalidPolicy([
      new PolicyError('--state', file, `cannot be read as JSON: ${(cause as Error).message}`, { cause }),
    ]);
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return port;
}
