import { canBeEmpty, childrenOf, emptyWays, NEVER, type RegexNode, walk } from './node.ts';
import { isCaseless } from './sets.ts';

/** The groups that have captured a text at a place in the pattern: certainly, or possibly. */
interface Captured {
  readonly certain: ReadonlySet<number>;
  readonly possible: ReadonlySet<number>;
}

const NONE: Captured = { certain: new Set(), possible: new Set() };

interface Surroundings {
  /** Inside a lookbehind, where the parts of a sequence are matched from the last to the first. */
  readonly backward: boolean;
  /** Inside a part that is matched only one way, the first, so that the order in which ways are tried matters. */
  readonly committed: boolean;
  /** Inside a part whose beginning regexp2 remembers, on the stack that a lazy repetition of nothing disturbs. */
  readonly remembered: boolean;
}

/**
 * Rewrites a pattern so that it means in JavaScript what it means to regexp2, where the two differ without a difference in
 * syntax:
 *
 * - A reference to a group that has captured nothing matches nothing there, and the empty text in JavaScript.
 * - A group in a repeated part keeps there what an earlier round captured, and forgets it in JavaScript.
 * - A repeated part that matches the empty text may do so once more there, and not in JavaScript.
 *
 * A group without a reference to it becomes a plain one, and a reference that can never have a text matches nowhere.
 *
 * @param fail throws what is wrong with a pattern in which the difference would show
 * @param group the name of a group that stays one, and is the only one that keeps its name
 */
export function adapt(root: RegexNode, fail: (problem: string) => never, group?: string): RegexNode {
  return new Adapter(root, fail, group).adapted();
}

class Adapter {
  readonly #root: RegexNode;
  readonly #fail: (problem: string) => never;
  readonly #group: string | undefined;
  readonly #referred: ReadonlySet<number>;

  constructor(root: RegexNode, fail: (problem: string) => never, group: string | undefined) {
    this.#root = root;
    this.#fail = fail;
    this.#group = group;
    const all = [...walk(root)];
    this.#referred = new Set(all.flatMap((node) => (node.kind === 'reference' ? [node.slot] : [])));
    const slots = all.flatMap((node) => (node.kind === 'capture' && this.#referred.has(node.slot) ? [node.slot] : []));
    if (new Set(slots).size < slots.length)
      fail('a back reference to a name or number that two groups share is not supported');
    const ignoresCase = all.some((node) => node.kind === 'reference' && node.ignoreCase);
    if (ignoresCase && !all.every(canIgnoreCase))
      fail('a back reference that ignores case is supported only where the whole pattern does; write (?i) first');
  }

  adapted(): RegexNode {
    return this.#adapt(this.#root, NONE, { backward: false, committed: false, remembered: false })[0];
  }

  #adapt(node: RegexNode, before: Captured, around: Surroundings): readonly [RegexNode, Captured] {
    switch (node.kind) {
      case 'set':
      case 'anchor':
        return [node, before];
      case 'sequence':
        return this.#sequence(node.parts, before, around);
      case 'choice': {
        const adapted = node.branches.map((branch) => this.#adapt(branch, before, around));
        return [
          { kind: 'choice', branches: adapted.map(([branch]) => branch) },
          either(adapted.map(([, after]) => after)),
        ];
      }
      case 'capture': {
        const { name, ...unnamed } = node;
        const wanted = name !== undefined && name === this.#group ? node : undefined;
        if (!this.#referred.has(node.slot)) {
          const [body, after] = this.#adapt(node.body, before, around);
          return [wanted ? { ...wanted, body } : body, after];
        }
        const [body, after] = this.#adapt(node.body, before, { ...around, remembered: true });
        return [{ ...(wanted ?? unnamed), body }, withSlot(after, node.slot)];
      }
      case 'repeat':
        return this.#repeat(node, before, around);
      case 'atomic': {
        if (around.backward) this.#fail('an atomic group (?>…) inside a lookbehind is not supported');
        const [body, after] = this.#adapt(node.body, before, {
          ...around,
          committed: true,
          remembered: true,
        });
        return [{ ...node, body }, after];
      }
      case 'look': {
        // What a lookaround matched shows only in the groups that it captured, and a negative one has captured nothing.
        const committed = !node.negative && this.#capturesForReference(node.body);
        const [body, after] = this.#adapt(node.body, before, { backward: !node.ahead, committed, remembered: true });
        return [{ ...node, body }, node.negative ? before : after];
      }
      case 'reference':
        if (before.certain.has(node.slot)) return [node, before];
        if (!before.possible.has(node.slot)) return [NEVER, before];
        return this.#fail(
          `a back reference to group ${node.slot}, which may not have taken part in the match, is not supported`,
        );
    }
  }

  #sequence(parts: readonly RegexNode[], before: Captured, around: Surroundings): readonly [RegexNode, Captured] {
    let captured = before;
    const adapted: RegexNode[] = [];
    for (const part of around.backward ? parts.toReversed() : parts) {
      const [node, after] = this.#adapt(part, captured, around);
      adapted.push(node);
      captured = after;
    }
    return [{ kind: 'sequence', parts: around.backward ? adapted.reverse() : adapted }, captured];
  }

  #repeat(
    node: RegexNode & { readonly kind: 'repeat' },
    before: Captured,
    around: Surroundings,
  ): readonly [RegexNode, Captured] {
    const again = node.max > 1;
    if (node.lazy && canBeEmpty(node.body) && !this.#isLazilyRight(node, around)) {
      this.#fail('the lazy repetition (*?, +?) of what may be empty is not supported here; leave the ? away');
    }
    if ((again || node.min < node.max) && canBeEmpty(node.body)) {
      if (around.committed) {
        this.#fail('the repetition of what may be empty, inside an atomic group or a lookaround, is not supported');
      }
      if (again && this.#isReferredFromOutside(node.body)) {
        this.#fail('a back reference to a group in the repetition of what may be empty is not supported');
      }
    }
    const inside = again ? { ...before, possible: new Set([...before.possible, ...slotsIn(node.body)]) } : before;
    const [body, after] = this.#adapt(node.body, inside, { ...around, remembered: true });
    return [{ ...node, body }, node.min > 0 ? after : either([before, after])];
  }

  /**
   * Whether regexp2 gets the lazy repetition of what may be empty right. It remembers on a stack where a round began, and
   * after an empty one, with `*?` and `+?`, takes what lies above: rubbish, unless nothing else uses the stack. Then it
   * may take a round for an empty one that is none, or, where there are two ways to be empty, never end.
   */
  #isLazilyRight(node: RegexNode & { readonly kind: 'repeat' }, around: Surroundings): boolean {
    // A {2,}? is counted in another way, without the mistake.
    if (node.max < Infinity || node.min > 1) return true;
    if (around.remembered || emptyWays(node.body) > 1) return false;
    return !isDisturbable(node) || [...walk(this.#root)].every((one) => one === node || !isRemembered(one));
  }

  #capturesForReference(node: RegexNode): boolean {
    return [...slotsIn(node)].some((slot) => this.#referred.has(slot));
  }

  #isReferredFromOutside(part: RegexNode): boolean {
    if (!this.#capturesForReference(part)) return false;
    const inside = new Set(walk(part));
    const slots = slotsIn(part);
    for (const node of walk(this.#root)) {
      if (node.kind === 'reference' && slots.has(node.slot) && !inside.has(node)) return true;
    }
    return false;
  }
}

function canIgnoreCase(node: RegexNode): boolean {
  if (node.kind === 'set') return isCaseless(node.set);
  return node.kind !== 'reference' || node.ignoreCase;
}

/** Whether what else regexp2 remembers can make this repetition lose ways to match. */
export function isDisturbable(node: RegexNode): boolean {
  if (node.kind !== 'repeat' || !node.lazy || node.max < Infinity || node.min > 1) return false;
  return canBeEmpty(node.body) && !isAlwaysEmpty(node.body);
}

/** Whether regexp2 remembers where this part began. */
function isRemembered(node: RegexNode): boolean {
  if (node.kind === 'repeat') return node.group || node.body.kind !== 'set';
  return node.kind === 'capture' || node.kind === 'look' || node.kind === 'atomic';
}

function isAlwaysEmpty(node: RegexNode): boolean {
  if (node.kind === 'look' || node.kind === 'anchor') return true;
  return node.kind !== 'set' && node.kind !== 'reference' && childrenOf(node).every(isAlwaysEmpty);
}

function slotsIn(node: RegexNode): Set<number> {
  return new Set([...walk(node)].flatMap((inner) => (inner.kind === 'capture' ? [inner.slot] : [])));
}

function withSlot(captured: Captured, slot: number): Captured {
  return { certain: new Set(captured.certain).add(slot), possible: new Set(captured.possible).add(slot) };
}

function either(ways: readonly Captured[]): Captured {
  const [first, ...others] = ways;
  if (!first) return NONE;
  const certain = [...first.certain].filter((slot) => others.every((way) => way.certain.has(slot)));
  return { certain: new Set(certain), possible: new Set(ways.flatMap((way) => [...way.possible])) };
}
