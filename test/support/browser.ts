import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Chromium on this machine: the one that CHROMIUM names, or where distributions put it. */
const CHROMIUM = [process.env['CHROMIUM'], ...PLACES].find((path) => path !== undefined && existsSync(path));

/** Why tests in a browser do not run here; `undefined` where they do. */
export const NO_BROWSER =
  CHROMIUM === undefined ? 'there is no Chromium here: install it, or name it in CHROMIUM' : undefined;

export function openBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error(NO_BROWSER);
  // The sandbox of Chromium does not run as root, as containers of CI do; what is opened here is the tests' own.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}
