import type { Command } from 'commander';
import { readStorageSettings } from '../../policy/evidence-settings.ts';
import { type Environment, readPullLogSettings } from '../../policy/settings.ts';
import { type RunOptions, storageFrom } from '../../index.ts';

export interface StorageFlags {
  readonly storage?: boolean;
}

/** Adds the option that has computed what is freed. */
export function withStorage(command: Command): Command {
  return command.option(
    '--storage',
    'say what is freed: reads each manifest once, and remembers what it holds (default: STORAGE, else off)',
  );
}

/** @throws {InvalidPolicy} */
export function storageOf({ storage }: StorageFlags, environment: Environment): RunOptions['storage'] {
  const settings = readStorageSettings(environment, storage);
  if (!settings) return undefined;
  return storageFrom({
    storage: settings,
    pullLog: readPullLogSettings(environment),
    identity: {
      clientId: environment['AZURE_CLIENT_ID'],
      audience: environment['ACR_AUDIENCE'],
      username: undefined,
      password: undefined,
    },
  });
}
