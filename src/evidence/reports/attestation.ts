import { timeOf } from './fields.ts';
import { parseJson } from './json.ts';

type Json = Readonly<Record<string, unknown>>;

/** An attestation, and what is attested in it. */
interface Unwrapped {
  readonly document: unknown;
  /** When the scan ended, where the attestation says so. */
  readonly at?: string;
  /** Digests of what it is about, where it is an attestation. */
  readonly about?: readonly string[];
}

/** Envelopes within envelopes: a Sigstore bundle has an envelope (DSSE), that a statement (in-toto), that a report. */
const DEEPEST = 4;

/** An image for many platforms has some dozens. */
const MOST_SUBJECTS = 1_000;

/**
 * What is attested, where it is an attestation (`cosign attest`): the predicate of an in-toto statement. Of one about
 * vulnerabilities (predicate type `…/attestation/vuln/v1`) what the scanner says. Signatures are not verified.
 *
 * @throws {DamagedReport | SyntaxError} where the payload of an envelope cannot be read
 */
export function unwrapped(given: unknown): Unwrapped {
  let document = given;
  let at: string | undefined;
  let about: readonly string[] | undefined;
  for (let depth = 0; depth < DEEPEST && isObject(document); depth += 1) {
    const { dsseEnvelope, payload, payloadType, predicate, predicateType, subject } = document;
    if (dsseEnvelope !== undefined) document = dsseEnvelope;
    else if (typeof payload === 'string' && typeof payloadType === 'string')
      document = parseJson(Buffer.from(payload, 'base64'));
    else if (typeof predicateType === 'string' && predicate !== undefined) {
      document = predicate;
      about = digestsOf(subject);
      const { scanner, metadata } = isObject(predicate) ? predicate : {};
      const { result } = isObject(scanner) ? scanner : {};
      if (result === undefined) continue;
      document = result;
      const { scanFinishedOn } = isObject(metadata) ? metadata : {};
      at = timeOf(scanFinishedOn);
    } else break;
  }
  return { document, ...(at !== undefined && { at }), ...(about && { about }) };
}

/** The subjects of a statement, each with its digests by algorithm. */
function digestsOf(subjects: unknown): readonly string[] {
  if (!Array.isArray(subjects)) return [];
  return subjects.slice(0, MOST_SUBJECTS).flatMap((one: unknown) => {
    const { digest } = isObject(one) ? one : {};
    const { sha256, sha512 } = isObject(digest) ? digest : {};
    return [
      ...(typeof sha256 === 'string' ? [`sha256:${sha256}`] : []),
      ...(typeof sha512 === 'string' ? [`sha512:${sha512}`] : []),
    ];
  });
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
