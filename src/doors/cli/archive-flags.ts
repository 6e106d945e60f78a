import type { Command } from 'commander';
import { type Environment, readArchiveSetting } from '../../policy/settings.ts';
import { archiveFrom, type RunOptions } from '../../index.ts';

export interface ArchiveFlags {
  readonly archive?: string;
}

/** Adds the option that says where what is deleted is archived first. */
export function withArchive(command: Command): Command {
  return command.option(
    '--archive <url>',
    'where what is deleted is archived first: the URL of a container of Blob Storage, or a folder (default: ARCHIVE)',
  );
}

/** @throws {InvalidPolicy | PolicyError} */
export function archiveOf({ archive }: ArchiveFlags, environment: Environment): RunOptions['archive'] {
  return archiveFrom({
    archive: readArchiveSetting(environment, archive),
    identity: { clientId: environment['AZURE_CLIENT_ID'] },
  });
}
