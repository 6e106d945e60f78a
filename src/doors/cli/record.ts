import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import type { Environment, LedgerSettings } from '../../policy/settings.ts';
import { readLedgerSettings } from '../../policy/settings.ts';
import { type Ledger, ledgerAt } from '../../index.ts';

const FOLDER = 'runs';

export interface LedgerFlags {
  readonly runs?: string;
}

/** The option that says where the ledger is. */
export function withLedger(command: Command): Command {
  return command.addOption(
    new Option('--runs <folder>', `where runs are recorded (default: RETENTION_STORAGE, else ./${FOLDER})`),
  );
}

/**
 * The ledger of the command line: a folder, unless RETENTION_STORAGE names another place.
 * @throws {PolicyError}
 */
export function openLedger(
  { runs }: LedgerFlags,
  environment: Environment,
): { readonly ledger: Ledger; readonly settings: LedgerSettings } {
  if (runs?.trim() === '') throw new PolicyError('--runs', runs, 'names no folder');
  const settings = readLedgerSettings(environment);
  const location =
    runs === undefined
      ? (settings.storage ?? { kind: 'folder' as const, folder: FOLDER })
      : { kind: 'folder' as const, folder: runs };
  return { ledger: ledgerAt(location, process.cwd(), environment['AZURE_CLIENT_ID']), settings };
}

/** Who is at the command line. */
export function whoami(): string {
  try {
    return userInfo().username;
  } catch {
    // Some containers run as a user that has no name.
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
