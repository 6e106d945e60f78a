import type { Scan } from '../findings.ts';
import { isObject, unwrapped } from './attestation.ts';
import { isCycloneDx, readCycloneDx } from './cyclonedx.ts';
import { DamagedReport } from './fields.ts';
import { parseJson } from './json.ts';
import { isGrype, readGrype } from './grype.ts';
import { isSarif, readSarif } from './sarif.ts';
import { isSpdx, isSyft, readSpdx, readSyft } from './spdx.ts';
import { isTrivy, readTrivy } from './trivy.ts';

/** What a report says of one image. `at` of the scan is the report's own time. */
export interface Said {
  readonly scan?: Scan;
  /** Number of packages in it. */
  readonly packages?: number;
}

export type ReadReport =
  | ({ readonly state: 'report' } & Said)
  /** It is something else, of which nothing is to be said. */
  | { readonly state: 'other' }
  /** Its type says that it is a report, and it is none. `why` quotes nothing of it. */
  | { readonly state: 'damaged'; readonly why: string };

/** Bytes of a report that are read. One with all packages of a large image has a few MiB. */
export const LARGEST_REPORT = 16 * 1024 * 1024;

/** Types that only reports have. */
const REPORT_TYPE = /^application\/(?:sarif|vnd\.cyclonedx|spdx|vnd\.syft)\+json\b/;

/** Types of which some are reports: JSON of whatever kind, and what BuildKit, cosign and ORAS attach it as. */
const JSON_TYPE = /[/+.-]json\b/;

/** What is never one, though it is JSON: signatures, and how an image was built. */
const NO_REPORT = /(?:signature|simplesigning|provenance|\bimage\.config\b)/;

/** Whether what has these types, an artifact type and a media type, may be a report, so that it is worth reading. */
export function mayBeReport(...types: readonly (string | undefined)[]): boolean {
  const named = types.filter((type) => type !== undefined);
  return named.some((type) => JSON_TYPE.test(type)) && !named.some((type) => NO_REPORT.test(type));
}

/** A format: how it is recognised, by its content alone, and read. */
const FORMATS: readonly (readonly [
  (document: Readonly<Record<string, unknown>>) => boolean,
  (document: Readonly<Record<string, unknown>>) => Said,
])[] = [
  [isSarif, readSarif],
  [isCycloneDx, readCycloneDx],
  [isSpdx, readSpdx],
  [isGrype, readGrype],
  [isTrivy, readTrivy],
  [isSyft, readSyft],
];

/**
 * Reads what is attached to an image. Never throws.
 * @param image its digest: an attestation that is about another one says nothing of it
 * @param types the artifact type and the media type of the layer, where there are any
 */
export function readReport(bytes: Uint8Array, image: string, types: readonly (string | undefined)[]): ReadReport {
  if (bytes.length > LARGEST_REPORT) return { state: 'damaged', why: `it is larger than ${LARGEST_REPORT} bytes` };
  const isDeclared = types.some((type) => type !== undefined && REPORT_TYPE.test(type));
  const damaged = (why: string): ReadReport => (isDeclared ? { state: 'damaged', why } : { state: 'other' });
  let found;
  try {
    found = unwrapped(parseJson(bytes));
  } catch (error) {
    return damaged(error instanceof DamagedReport ? error.message : 'it is not JSON');
  }
  const { document, at, about } = found;
  if (about && !about.includes(image)) return { state: 'damaged', why: 'it is an attestation about another image' };
  if (!isObject(document)) return damaged('it is not a JSON object');
  const format = FORMATS.find(([isOfThis]) => isOfThis(document));
  if (!format) return damaged('it is of no format that is known here');
  try {
    const said = format[1](document);
    const scan = said.scan && { ...(at !== undefined && { at }), ...said.scan };
    return { state: 'report', ...said, ...(scan && { scan }) };
  } catch (error) {
    return { state: 'damaged', why: error instanceof DamagedReport ? error.message : 'it cannot be read' };
  }
}
