import { digestOf } from '../../src/dev/emulator/manifests.ts';
import type { RegistryState } from '../../src/dev/emulator/index.ts';

interface Known {
  readonly digest: string;
  readonly needs: readonly string[];
  readonly subject: string | undefined;
  readonly locked: boolean;
}

/**
 * What is broken in a registry after a purge, in words; empty where nothing is.
 * Looks at nothing but what was there and what is left, so that it knows no rule of the planner.
 */
export function broken(before: RegistryState, after: RegistryState, includeLocked: boolean): readonly string[] {
  return Object.entries(before).flatMap(([repository, { manifests, tags }]) => {
    const left = new Set((after[repository]?.manifests ?? []).map(({ body }) => digestOf(body)));
    const tagsLeft = new Set((after[repository]?.tags ?? []).map(({ name }) => name));
    const known = manifests.map(({ body, locked }) => ({ ...read(body), locked: locked !== undefined }));
    const had = new Set(known.map(({ digest }) => digest));
    const problems: string[] = [];
    for (const { digest, needs, subject, locked } of known) {
      if (left.has(digest)) {
        for (const child of needs)
          if (had.has(child) && !left.has(child)) problems.push(`${digest} stayed without its child ${child}`);
      } else {
        if (subject !== undefined && left.has(subject))
          problems.push(`${digest} went, and what it refers to stayed: ${subject}`);
        if (locked && !includeLocked) problems.push(`${digest} was locked, and went`);
      }
    }
    for (const { name, locked } of tags) {
      if (tagsLeft.has(name)) continue;
      if (locked !== undefined && !includeLocked) problems.push(`the tag ${name} was locked, and went`);
      const image = /^sha256-([0-9a-f]{64})\.(?:sig|att|sbom)$/.exec(name)?.[1];
      if (image !== undefined && left.has(`sha256:${image}`))
        problems.push(`the tag ${name} went, and its image stayed`);
    }
    return problems;
  });
}

function read(body: string): Omit<Known, 'locked'> {
  const document = JSON.parse(body) as {
    readonly manifests?: readonly { readonly digest: string }[];
    readonly parts?: readonly (string | null)[];
    readonly subject?: { readonly digest: string };
  };
  const parts = (document.parts ?? []).filter((part) => part !== null);
  return {
    digest: digestOf(body),
    needs: [...(document.manifests ?? []).map(({ digest }) => digest), ...parts],
    subject: document.subject?.digest,
  };
}
