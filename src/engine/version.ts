import { createRequire } from 'node:module';

/** The version of this tool, as package.json says. */
export const { version } = createRequire(import.meta.url)('#package.json') as { readonly version: string };
