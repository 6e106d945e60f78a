import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { readEngine, readLedgerSettings, readLogLevel, readSettings } from '../policy/settings.ts';
import { createLog } from '../report/log.ts';
import { type Ledger, ledgerAt, temporaryLedger } from '../index.ts';
import { addSecretsOf } from '../ledger/redact/environment.ts';

/*
 * What is the same for all functions of an app: read once, when it starts. Nothing here throws: an app that does not
 * load has no functions, and could tell nobody why.
 */

/** Where the app is deployed: relative paths in settings start here. */
const root = dirname(createRequire(import.meta.url).resolve('#package.json'));

// First: what is wrong with a setting may be said with a part of it.
addSecretsOf(process.env);

export const configuration = readSettings(process.env, (path) => readFileSync(resolve(root, path), 'utf8'));

export const log = createLog(configuration.state === 'valid' ? readLogLevel(process.env) : 'info');

/** Whether runs are orchestrations. Also where something else is wrong: those that run already need their functions. */
export const isDurable = isDurableIn(process.env);

/** What was recorded can be read whatever else is wrong with the settings. */
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
    // The configuration says what is wrong with it.
  }
  return temporaryLedger();
}
