import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { readEngine, readLedgerSettings, readLogLevel, readSettings } from '../policy/settings.ts';
import { createLog } from '../report/log.ts';
import { type Ledger, ledgerAt, temporaryLedger } from '../index.ts';
import { addSecretsOf } from '../ledger/redact/environment.ts';

/*
 * What all functions of the app share, read once when it starts. Nothing here throws: an app that fails to load has no
 * functions, and could not say why.
 */

/** Where the app is deployed: relative paths in settings start here. */
const root = dirname(createRequire(import.meta.url).resolve('#package.json'));

// First: a message about a wrong setting may repeat a part of it.
addSecretsOf(process.env);

export const configuration = readSettings(process.env, (path) => readFileSync(resolve(root, path), 'utf8'), root);

export const log = createLog(configuration.state === 'valid' ? readLogLevel(process.env) : 'info');

/** Whether runs are orchestrations. Also where another setting is wrong: running orchestrations need their functions. */
export const isDurable = isDurableIn(process.env);

/** Opened even where other settings are wrong, so that recorded runs can be read. */
export const ledger: Ledger = openLedgerOf(process.env);

function isDurableIn(environment: NodeJS.ProcessEnv): boolean {
  try {
    return readEngine(environment) === 'durable';
  } catch {
    return false;
  }
}

function openLedgerOf(environment: NodeJS.ProcessEnv): Ledger {
  try {
    const { storage } = readLedgerSettings(environment);
    if (storage) return ledgerAt(storage, root, environment['AZURE_CLIENT_ID']);
  } catch {
    // `configuration` has the message.
  }
  return temporaryLedger();
}
