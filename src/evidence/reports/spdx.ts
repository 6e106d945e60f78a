import { z } from 'zod';
import { anything, listOf, parse, text } from './fields.ts';
import type { Said } from './report.ts';

const Reference = z.object({ referenceType: anything });
const Package = z.object({
  SPDXID: text,
  primaryPackagePurpose: text,
  externalRefs: z.array(Reference).nullish().catch(undefined),
});
const Relation = z.object({ spdxElementId: anything, relatedSpdxElement: anything, relationshipType: anything });

/** SPDX 2: a document with packages. */
const Document2 = z.object({
  packages: listOf(Package),
  documentDescribes: z.array(z.unknown()).nullish().catch(undefined),
  relationships: z.array(Relation).nullish().catch(undefined),
});

/** SPDX 3: a graph of elements, in JSON-LD. */
const Document3 = z.object({
  '@graph': listOf(z.object({ type: anything, software_primaryPurpose: text })),
});

export function isSpdx(document: Readonly<Record<string, unknown>>): boolean {
  const { spdxVersion } = document;
  return typeof spdxVersion === 'string' || isSpdx3(document);
}

function isSpdx3({ '@graph': graph, '@context': context }: Readonly<Record<string, unknown>>): boolean {
  const contexts: readonly unknown[] = Array.isArray(context) ? context : [context];
  return Array.isArray(graph) && contexts.some((one) => typeof one === 'string' && one.includes('spdx.org/'));
}

/** What is no package in an image: the image itself, and what it is made of. */
const NO_PACKAGES: ReadonlySet<string | undefined> = new Set([
  'CONTAINER',
  'OPERATING-SYSTEM',
  'OPERATINGSYSTEM',
  'FILE',
  'DEVICE',
]);

/** The number of packages. The image that the document describes is none, nor is a lock file (Trivy lists both). */
export function readSpdx(document: Readonly<Record<string, unknown>>): Said {
  if (isSpdx3(document)) {
    const { '@graph': graph } = parse(Document3, document);
    const packages = graph.filter(
      ({ type, software_primaryPurpose }) =>
        type === 'software_Package' && !NO_PACKAGES.has(software_primaryPurpose?.toUpperCase()),
    );
    return { packages: packages.length };
  }
  const { packages, documentDescribes, relationships } = parse(Document2, document);
  const described = new Set<unknown>(documentDescribes);
  for (const { spdxElementId, relatedSpdxElement, relationshipType } of relationships ?? [])
    if (relationshipType === 'DESCRIBES' && spdxElementId === 'SPDXRef-DOCUMENT') described.add(relatedSpdxElement);
  const counted = packages.filter(({ SPDXID, primaryPackagePurpose: purpose, externalRefs }) => {
    if (described.has(SPDXID) || NO_PACKAGES.has(purpose)) return false;
    return purpose !== 'APPLICATION' || externalRefs?.some(({ referenceType }) => referenceType === 'purl') === true;
  });
  return { packages: counted.length };
}

/** The JSON of syft (`syft -o json`), which lists packages, too. */
export function isSyft({ artifacts, descriptor }: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(artifacts) && (descriptor as { readonly name?: unknown } | null | undefined)?.name === 'syft';
}

const Syft = z.object({ artifacts: listOf(z.unknown()) });

export function readSyft(document: unknown): Said {
  return { packages: parse(Syft, document).artifacts.length };
}
