import { type Listing, listed, type ListForm } from '../../report/listing.ts';

/* What commands write to standard output. */

/**
 * Waits until the text is written.
 * @throws where it cannot be written
 */
export function write(text: string, stdout: NodeJS.WriteStream = process.stdout): Promise<void> {
  return new Promise((resolve, reject) =>
    stdout.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    }),
  );
}

/** Writes values as they come, in a form for programs. */
export async function writeListed<T>(
  form: ListForm,
  values: AsyncIterable<T> | Iterable<T>,
  listing: Listing<T>,
): Promise<void> {
  for await (const piece of listed(form, values, listing)) await write(piece);
}
