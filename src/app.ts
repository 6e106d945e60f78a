import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { readLogLevel, readSettings } from './policy/settings.ts';
import { createLog } from './report/log.ts';

/*
 * What is the same for all functions of an app: read once, when it starts. Nothing here throws: an app that does not
 * load has no functions, and could tell nobody why.
 */

const require = createRequire(import.meta.url);
const PACKAGE = '#package.json';

export const { version } = require(PACKAGE) as { readonly version: string };

/** Where the app is deployed: relative paths in settings start here. */
const root = dirname(require.resolve(PACKAGE));

export const configuration = readSettings(process.env, (path) => readFileSync(resolve(root, path), 'utf8'));

export const log = createLog(configuration.state === 'valid' ? readLogLevel(process.env) : 'info');
