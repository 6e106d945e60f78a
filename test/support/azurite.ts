import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificate } from '../../src/dev/emulator/certificate.ts';

export interface Azurite {
  readonly connectionString: string;
  /** Of the account, without a secret. */
  readonly url: string;
  readonly account: string;
  readonly key: string;
  /** The certificate to trust, where it is reached over TLS. */
  readonly certificate: string | undefined;
  readonly close: () => Promise<void>;
}

export interface AzuriteOptions {
  /** Over TLS, with tokens of Entra besides the key. Only what stands in them is looked at, not their signature. */
  readonly oauth?: boolean;
}

const ACCOUNT = 'ledgertests';

/** Azurite, the emulator of Azure Storage, with nothing in it. It keeps everything in memory. */
export async function startAzurite({ oauth = false }: AzuriteOptions = {}): Promise<Azurite> {
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  const folder = await mkdtemp(join(tmpdir(), 'azurite-'));
  const tls = oauth ? await certificate() : undefined;
  if (tls)
    await Promise.all([writeFile(join(folder, 'cert.pem'), tls.cert), writeFile(join(folder, 'key.pem'), tls.key)]);
  const secured = tls ? ['--oauth', 'basic', '--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem')] : [];
  const key = randomBytes(64).toString('base64');
  const settings = ['--blobHost', '127.0.0.1', '--blobPort', '0', '--inMemoryPersistence'];
  const child = spawn(
    process.execPath,
    [main, ...settings, '--silent', '--skipApiVersionCheck', '--disableTelemetry', ...secured],
    { cwd: folder, env: { ...process.env, AZURITE_ACCOUNTS: `${ACCOUNT}:${key}` }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  // Whatever becomes of the tests, it does not outlive them.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const close = async (): Promise<void> => {
    process.off('exit', kill);
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const url = `${await addressOf(child)}/${ACCOUNT}`;
    const protocol = url.split(':')[0] ?? '';
    const connectionString = `DefaultEndpointsProtocol=${protocol};AccountName=${ACCOUNT};AccountKey=${key};BlobEndpoint=${url};`;
    return { connectionString, url, account: ACCOUNT, key, certificate: tls?.cert, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where it listens; it says so once it does. */
function addressOf(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (piece: Buffer): void => {
      said += piece.toString();
      const address = /successfully listens on (\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Azurite has ended (${code ?? 'by a signal'}): ${said}`)));
  });
}
