import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { whenBuilt } from './build.ts';

const run = promisify(execFile);

/** What the host would say to a host.json. */
export interface Start {
  /** Why it would not start. */
  readonly refused: string | null;
  readonly warnings: readonly string[];
  /** Categories by which the Azure SDK logs each of its calls, at Information; and those of them that are not logged. */
  readonly azure: readonly string[];
  readonly quiet: readonly string[];
  /** The function that answers each of the requests; `null`: none does. */
  readonly routed: readonly (string | null)[];
}

/** Functions by their routes, and requests that the host is to find one for. */
export interface Routing {
  readonly functions: readonly {
    readonly name: string;
    readonly route?: string;
    readonly methods: readonly string[];
  }[];
  readonly requests: readonly (readonly [method: string, path: string])[];
}

/** Starts the libraries of the host with each of these texts. */
export async function startsOf(texts: readonly string[], routing: Routing): Promise<readonly Start[]> {
  const program = await whenBuilt();
  const folder = await mkdtemp(join(tmpdir(), 'acr-retention-test-'));
  try {
    const files = texts.map((_, n) => join(folder, `${n}.json`));
    for (const [n, file] of files.entries()) await writeFile(file, texts[n] ?? '');
    const routes = join(folder, 'routes.json');
    await writeFile(routes, JSON.stringify(routing));
    const { stdout } = await run('dotnet', [program, routes, ...files], { timeout: 300_000, maxBuffer: 64 << 20 });
    // The extension writes lines of its own.
    return [...stdout.matchAll(/^host\.json: (\{.*\})$/gm)].map(([, text = '']) => JSON.parse(text) as Start);
  } finally {
    await rm(folder, { recursive: true });
  }
}
