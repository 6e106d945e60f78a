import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { InvalidPolicy } from '../errors.ts';
import { plain, type Place, PolicyFileError } from './problems.ts';

/** A policy file, and a policy file with the lists of `tagsFrom` in it, in bytes. */
export const LONGEST_FILE = 256 * 1024;

/** What all aliases of a file may stand for together: few lines could stand for millions. */
const MOST_BY_ALIAS = 10_000;

/** Mistakes that are named. A file of another kind has one on each line. */
const MOST_NAMED = 50;

type Path = readonly PropertyKey[];

/** The values of a YAML text, and where each of them stands. */
export interface ReadYaml {
  readonly document: Document.Parsed;
  /** Objects without a prototype, lists, texts, numbers, true, false and null. */
  readonly value: unknown;
  /** Where a value stands, or its key; where there is none, what it would be in. */
  place(path: Path, part?: 'key' | 'value'): Place;
  /** A value as it is written, where it is neither a list nor an object. */
  written(path: Path): string | undefined;
  /** The node of a value, after aliases. */
  node(path: Path): Node | undefined;
}

/**
 * Reads YAML 1.2 of one document, with nothing in it that a policy file does not need: no tags, no directives, no merge
 * keys, and aliases as far as they do not stand for very much.
 *
 * @param file what the text is called in messages
 * @throws {InvalidPolicy} with every mistake
 */
export function readYaml(text: string, file: string): ReadYaml {
  const start = { line: 1, column: 1 };
  const refuse = (problem: string, cause?: unknown): never => {
    throw new InvalidPolicy([new PolicyFileError(file, start, 'the policy', undefined, problem, { cause })]);
  };
  if (text.length > LONGEST_FILE || Buffer.byteLength(text) > LONGEST_FILE)
    refuse(`is longer than ${LONGEST_FILE / 1024} KiB`);
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    // Duplicate keys are found below: the library compares each key with all others.
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    });
  } catch (cause) {
    // Brackets within brackets, thousands deep.
    return refuse(TOO_DEEP, cause);
  }
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems = [...document.errors, ...document.warnings].map(
    (error) => new PolicyFileError(file, placeOf(error.pos[0]), 'YAML', undefined, inWords(error), { cause: error }),
  );
  if (document.directives.yaml.explicit === true || Object.keys(document.directives.tags).length > 1)
    problems.push(new PolicyFileError(file, start, 'YAML', undefined, 'leave lines that begin with % away'));
  throwAny(problems);
  const converter = new Converter((node, problem) => {
    problems.push(new PolicyFileError(file, placeOf(node.range?.[0] ?? 0), 'YAML', undefined, problem));
  });
  const value = converter.value(document.contents);
  throwAny(problems);

  const node = (path: Path): Node | undefined => walkTo(document.contents, path, converter);
  return {
    document,
    value,
    node,
    place(path, part = 'value') {
      for (let length = path.length; length >= 0; length -= 1) {
        const found =
          part === 'key' && length === path.length ? keyAt(node(path.slice(0, -1)), path.at(-1)) : undefined;
        const offset = (found ?? node(path.slice(0, length)))?.range?.[0];
        if (offset !== undefined) return placeOf(offset);
      }
      return start;
    },
    written(path) {
      const found = node(path);
      return isScalar(found) ? (found.source ?? String(found.value)) : undefined;
    },
  };
}

function throwAny(problems: readonly PolicyFileError[]): void {
  const [first] = problems;
  if (!first) return;
  const named = problems.slice(0, MOST_NAMED);
  const { file, place } = named.at(-1) ?? first;
  const more = problems.length - named.length;
  if (more > 0) named.push(new PolicyFileError(file, place, 'YAML', undefined, `and ${more} more mistakes`));
  throw new InvalidPolicy(named);
}

/** The library's messages repeat what is written. */
function inWords({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a policy is one document; leave the line --- and what follows it away';
  if (code === 'BAD_ALIAS') return ALIAS_HINT;
  if (code === 'RESOURCE_EXHAUSTION') return TOO_DEEP;
  if (code === 'TAG_RESOLVE_FAILED') return TAG_HINT;
  if (code === 'BAD_SCALAR_START') return `${plain(message)}; write the value in quotation marks`;
  return plain(message);
}

const TOO_DEEP = 'is nested too deeply';
const ALIAS_HINT = "in YAML a * at the beginning refers to an anchor, and there is none; write a glob as '*-rc'";
const TAG_HINT =
  "in YAML a ! at the beginning is a tag, which a policy has not; write the value in quotation marks: '!'";

/** Makes plain values of nodes. */
class Converter {
  readonly #problem: (node: Node, problem: string) => void;
  /** The last node of each anchor so far. */
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Node, Node>();
  /** What has been converted: its value, and how many nodes it has. */
  readonly #converted = new Map<Node, { readonly value: unknown; readonly size: number }>();
  #size = 0;
  #byAlias = 0;

  constructor(problem: (node: Node, problem: string) => void) {
    this.#problem = problem;
  }

  /** What an alias stands for. */
  target(node: Node): Node | undefined {
    return isAlias(node) ? this.#targets.get(node) : node;
  }

  value(node: Node | null): unknown {
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node, node.source);
    const before = this.#size;
    this.#size += 1;
    if (node.tag !== undefined) this.#problem(node, TAG_HINT);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    const value = this.#content(node);
    this.#converted.set(node, { value, size: this.#size - before });
    return value;
  }

  #alias(node: Node, anchor: string): unknown {
    const target = this.#anchors.get(anchor);
    const known = target && this.#converted.get(target);
    if (!target) this.#problem(node, ALIAS_HINT);
    else if (!known) this.#problem(node, 'an alias stands for what it is in');
    if (!target || !known) return null;
    this.#targets.set(node, target);
    const isWithin = this.#byAlias <= MOST_BY_ALIAS;
    this.#byAlias += known.size;
    this.#size += known.size;
    if (isWithin && this.#byAlias > MOST_BY_ALIAS) this.#problem(node, 'the aliases stand for too much');
    return known.value;
  }

  #content(node: Node): unknown {
    if (isSeq(node)) return node.items.map((item) => this.value(nodeOf(item)));
    if (isMap(node)) return this.#object(node);
    return isScalar(node) ? node.value : null;
  }

  #object(map: YAMLMap): unknown {
    const object = Object.create(null) as Record<string, unknown>;
    for (const { key, value } of map.items) {
      const name = isScalar(key) && key.tag === undefined ? key.value : undefined;
      if (isScalar(key) && key.anchor !== undefined) this.#anchors.set(key.anchor, key);
      if (typeof name !== 'string') this.#problem((key as Node | null) ?? map, 'a key must be a text');
      else if (Object.hasOwn(object, name)) this.#problem(key as Scalar, `the key ${plain(name)} stands here twice`);
      const converted = this.value(nodeOf(value));
      if (typeof name === 'string') object[name] = converted;
    }
    return object;
  }
}

function nodeOf(item: unknown): Node | null {
  // A pair in a list, as in `[a: b]`, is a map by itself when the library composes it.
  return isScalar(item) || isMap(item) || isSeq(item) || isAlias(item) ? item : null;
}

function walkTo(root: Node | null, path: Path, converter: Converter): Node | undefined {
  let node: Node | undefined = root ? converter.target(root) : undefined;
  for (const step of path) {
    const items: readonly unknown[] = isSeq(node) ? node.items : [];
    const next = isMap(node) ? pairOf(node, step)?.value : items[Number(step)];
    const inner = nodeOf(next);
    node = inner ? converter.target(inner) : undefined;
  }
  return node;
}

function pairOf(map: YAMLMap, key: PropertyKey | undefined): Pair | undefined {
  return map.items.find((pair) => isPair(pair) && isScalar(pair.key) && pair.key.value === key);
}

function keyAt(node: Node | undefined, key: PropertyKey | undefined): Scalar | undefined {
  const found = isMap(node) ? pairOf(node, key)?.key : undefined;
  return isScalar(found) ? found : undefined;
}
