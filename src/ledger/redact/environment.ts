import { secrets } from './known.ts';

/** Names of variables whose values are secrets: of the platform, of the Azure libraries, of this tool. */
const NAMES =
  /(?:PASSWORD|CLIENT_SECRET|AUTHENTICATION_SECRET|(?:IDENTITY|MSI)_(?:HEADER|SECRET)|(?:ENCRYPTION|SIGNING|ACCESS|STORAGE|ACCOUNT)_KEY|(?:ACCESS|REFRESH|ID|SAS)_TOKEN)$/i;

/** The secret parts of connection strings, and of URLs with a shared access signature. */
const PARTS = /(?:^|[;?&]\s*)(?:AccountKey|SharedAccessKey|SharedAccessSignature|sig)\s*=\s*([^;&\s]+)/gi;

/** Remembers the secrets among these variables, so that they are redacted in everything that leaves the process. */
export function addSecretsOf(environment: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    if (NAMES.test(name)) secrets.add(value);
    for (const [, part] of value.matchAll(PARTS)) secrets.add(part);
    if (name === 'NOTIFY') addAddressesIn(value);
  }
}

/** A shorter part of an address may be an ordinary word or a date. */
const SHORTEST_PART = 16;

/**
 * Remembers addresses that messages are sent to, as a whole and in their parts: an error or an answer may repeat one
 * without its beginning, or only the part that lets a client write there.
 */
export function addAddressesIn(text: string): void {
  for (const word of text.split(/\s+/)) {
    const address = word.replace(/^[a-z]+:(?!\/\/)/i, '');
    if (!URL.canParse(address)) {
      secrets.add(word);
      continue;
    }
    const { href, host, pathname, search, searchParams } = new URL(address);
    const parts = [...pathname.split('/'), ...searchParams.values()];
    for (const part of [address, href, host + pathname, pathname + search, ...parts])
      if (part.length >= SHORTEST_PART) secrets.add(part);
  }
}

/** Remembers the passwords among the arguments of a command. */
export function addSecretsIn(args: readonly string[]): void {
  for (const [index, word] of args.entries()) {
    if (/^(?:-p|--?password)$/.test(word)) secrets.add(args[index + 1]);
    const [, joined] = /^(?:--?password=|-p=?(?!assword))(.+)$/s.exec(word) ?? [];
    secrets.add(joined);
  }
}
