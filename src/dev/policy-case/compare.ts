import type { Contents, Item } from './contents.ts';
import { type Action, type ExpectFile, type Expected, itemKey } from './expect-file.ts';

/** What was decided on one artifact. */
export interface Got {
  readonly action: Action;
  readonly reason: string;
  /** In words. */
  readonly detail: string;
  readonly rule?: string | undefined;
}

/** Where a case does not come out as it was expected. */
export interface Difference {
  /** `shop/web:v1`, `shop/web@old` */
  readonly artifact: string;
  /** Absent: `expect.yaml` does not name it. */
  readonly expected?: { readonly action: Action; readonly reason?: string; readonly rule?: string };
  readonly got: Got;
}

/** What is decided where no rule of the policy is about a repository, and nothing is decided on it. */
const NOT_LOOKED_AT: Got = { action: 'keep', reason: 'no-rule', detail: 'no rule is about the repository' };

/**
 * Compares what was expected with what was decided, artifact by artifact: with every one, also those that neither names.
 * @param decisions by repository and `:tag` or `@digest`
 */
export function differences(
  { items }: Pick<Contents, 'items'>,
  { named, others }: ExpectFile,
  decisions: ReadonlyMap<string, Got>,
): readonly Difference[] {
  const decided = (key: string): Got => decisions.get(key) ?? NOT_LOOKED_AT;
  const actions = new Map<string, Action>();
  for (const item of items) actions.set(itemKey(item), decided(`${item.repository} ${item.key}`).action);
  /** What belongs to others is deleted with the last of them. */
  const followed = ({ repository, follows }: Item): Action =>
    follows.every((name) => actions.get(itemKey({ repository, name })) === 'delete') ? 'delete' : 'keep';
  const wanted = (item: Item): Expected | undefined => {
    const expected = named.get(itemKey(item));
    const action = item.isNamed ? others : followed(item);
    return expected ?? (action && { action, reason: undefined, rule: undefined });
  };
  return items.flatMap((item): readonly Difference[] => {
    const expected = wanted(item);
    const got = decided(`${item.repository} ${item.key}`);
    if (expected && isAsExpected(expected, got)) return [];
    const artifact = `${item.repository}${item.name.startsWith('@') ? '' : ':'}${item.name}`;
    if (!expected) return [{ artifact, got }];
    const { action, reason, rule } = expected;
    const said = { action, ...(reason !== undefined && { reason }), ...(rule !== undefined && { rule }) };
    return [{ artifact, expected: said, got }];
  });
}

function isAsExpected({ action, reason, rule }: Expected, got: Got): boolean {
  return (
    action === got.action &&
    (reason === undefined || reason === got.reason) &&
    (rule === undefined || rule === got.rule)
  );
}
