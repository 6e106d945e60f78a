import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Who, WHO } from './people.ts';

export interface HostFlags {
  readonly port: number;
  readonly key: string;
  readonly masterKey: string;
  readonly root: string;
  /** Whether a made-up sign-in is in front of the app; else its page takes the function key. */
  readonly signIn: boolean;
  readonly as: Who;
}

const newKey = (): string => randomBytes(24).toString('base64url');

/** `npm start --`, with its flags. */
export function hostCommand(): Command {
  return new Command('npm start --')
    .description('serve the Function app on this machine; settings come from the environment, as in Azure')
    .option('--port <n>', 'port; 0: any free one', readPort, 7071)
    .addOption(new Option('--key <key>', 'function key').default(newKey(), 'a new one'))
    .addOption(new Option('--master-key <key>', 'key for what needs the level admin').default(newKey(), 'a new one'))
    .addOption(
      new Option('--root <folder>', 'the app, as it is deployed').default(
        dirname(createRequire(import.meta.url).resolve('#package.json')),
        'this project',
      ),
    )
    .addOption(
      new Option('--as <who>', 'who signs in: an approver, another one, a reader, or a person without a role')
        .choices(WHO)
        .default('approver'),
    )
    .option('--no-sign-in', 'leave out the made-up sign-in; the review page takes the function key')
    .addHelpText(
      'after',
      `
Examples:
  npm start -- --port 8080
  npm start -- --as reader            # who may read, and not approve
  ACR_REGISTRY=contoso PURGE_COMMAND="--filter '.*:^dev-' --ago 30d" npm start      # your registry, with az login`,
    );
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return port;
}

/** What is wrong with a port that something else listens on; `undefined` where it is free. */
export function problemWith(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(portProblem(port, error)));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Why nothing can be served on a port, and what to do about it. */
export function portProblem(port: number, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE')
    return `port ${port} is in use; stop what uses it, or write npm start -- --port <another>, or --port 0 for any free one`;
  if (code === 'EACCES') return `port ${port} may not be used by this user; write npm start -- --port 7071`;
  return message;
}
