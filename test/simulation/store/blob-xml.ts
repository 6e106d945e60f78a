const HEAD = '<?xml version="1.0" encoding="utf-8"?>';

interface Entry {
  readonly name: string;
  /** It stands for all names that begin with it. */
  readonly isPrefix: boolean;
}

/** A page of a listing. Of a blob it has the name alone: the ledger reads no more, and the SDK takes long to read the rest. */
export function listing(entries: readonly Entry[], next: string): string {
  const items = entries.map(({ name, isPrefix }) => {
    const named = `<Name>${escaped(name)}</Name>`;
    return isPrefix ? `<BlobPrefix>${named}</BlobPrefix>` : `<Blob>${named}</Blob>`;
  });
  return `${HEAD}<EnumerationResults><Blobs>${items.join('')}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`;
}

export function blockList(blocks: readonly { readonly id: string; readonly size: number }[]): string {
  const items = blocks.map(({ id, size }) => `<Block><Name>${escaped(id)}</Name><Size>${size}</Size></Block>`);
  return `${HEAD}<BlockList><CommittedBlocks>${items.join('')}</CommittedBlocks></BlockList>`;
}

export function errorText(code: string, message: string): string {
  return `${HEAD}<Error><Code>${code}</Code><Message>${escaped(message)}</Message></Error>`;
}

/** The ids in a list of blocks that is committed. */
export function idsIn(list: string): readonly string[] {
  return Array.from(list.matchAll(/<Latest>([^<]*)<\/Latest>/g), ([, id = '']) => id);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
