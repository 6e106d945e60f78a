import { redactSentences } from './redact/redact.ts';
import { cancellationIn } from './cancellation.ts';
import { isRunId, pathsOf } from './paths.ts';
import { parse } from './parse.ts';
import { childSchema, parentSchema } from './schemas.ts';
import { ConflictError, type Store } from './store/store.ts';
import type { Cancellation, Child, ParentRecord } from './records.ts';

/*
 * The parent of the runs of several registries that were begun together. Each registry has a run of its own, and a file of
 * its own here, so that two workers never write the same file.
 */

/** A parent as it is recorded. */
export interface Parent {
  readonly record: ParentRecord;
  readonly children: readonly Child[];
  readonly cancelled?: Cancellation;
}

/** Records a parent, once: the second call for the same start changes nothing. */
export async function writeParent(store: Store, record: ParentRecord): Promise<void> {
  try {
    await store.write(pathsOf(record.id).parent, text(record), 'absent');
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}

export async function writeChild(store: Store, id: string, child: Child): Promise<void> {
  await store.write(pathsOf(id).child(child.registry), text(child));
}

export async function parentIn(store: Store, id: string): Promise<Parent | undefined> {
  if (!isRunId(id)) return undefined;
  const { parent, children: folder } = pathsOf(id);
  const file = await store.read(parent);
  if (!file) return undefined;
  const record = parse(store, parent, parentSchema, file.text);
  const paths = await Array.fromAsync(store.list(folder));
  const children = await Promise.all(
    paths.map(async (path) => {
      const child = await store.read(path);
      return child && parse(store, path, childSchema, child.text);
    }),
  );
  const cancelled = await cancellationIn(store, id);
  return { record, children: children.filter((child) => child !== undefined), ...(cancelled && { cancelled }) };
}

function text(value: ParentRecord | Child): string {
  return `${JSON.stringify(redactSentences(value))}\n`;
}
