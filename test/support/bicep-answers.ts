import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * What the compiler answered before. It takes seconds, and depends on nothing but the compiler, the folder that it reads
 * and what it is asked: so it is asked once, and again only after one of them was changed.
 */

const cache = fileURLToPath(new URL('../../node_modules/.cache/bicep-answers', import.meta.url));

type Answer<T> = { readonly value: T } | { readonly error: string };

const asked = new Map<string, Promise<Answer<unknown>>>();

/**
 * @param compiler its file
 * @param folder what it reads
 * @param question what it is asked; without the place of the folder, which is another each time
 * @throws Error with the message of what `ask` threw
 */
export async function answered<T>(
  compiler: string,
  folder: string,
  question: unknown,
  ask: () => Promise<T>,
): Promise<T> {
  const { size, mtimeMs } = statSync(compiler);
  const generation = hashOf([
    compiler,
    size,
    mtimeMs,
    contentsOf(fileURLToPath(new URL('../../infra', import.meta.url))),
  ]);
  const file = join(cache, generation, `${hashOf([contentsOf(folder), question])}.json`);
  const known = asked.get(file) ?? recall(file, generation, ask);
  asked.set(file, known);
  const answer = (await known) as Answer<T>;
  if ('error' in answer) throw new Error(answer.error);
  return answer.value;
}

async function recall<T>(file: string, generation: string, ask: () => Promise<T>): Promise<Answer<T>> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as Answer<T>;
  const answer: Answer<T> = await ask().then(
    (value) => ({ value }),
    (error: unknown) => ({ error: (error as Error).message }),
  );
  await mkdir(join(cache, generation), { recursive: true });
  // What was answered of what infra/ was before is not asked again.
  for (const other of await readdir(cache))
    if (other !== generation) await rm(join(cache, other), { recursive: true, force: true });
  // Whole, or not at all: another process may read it just now.
  const half = `${file}.${process.pid}.${hashOf([performance.now()])}`;
  await writeFile(half, JSON.stringify(answer));
  await rename(half, file);
  return answer;
}

function contentsOf(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((file) => [file.slice(folder.length), readFileSync(file, 'utf8')] as const);
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}
