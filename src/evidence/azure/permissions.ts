import { z } from 'zod';
import type { Arm } from './arm.ts';

const VERSION = '2022-04-01';

const strings = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const permission = z.object({ actions: strings, notActions: strings });
type Permission = z.infer<typeof permission>;

/**
 * What an identity may not do in all of a subscription. Azure lists only what may be read, and says nothing of the rest:
 * with a role at one resource group, the list of a subscription is answered 200 and holds that group alone.
 * @throws {ArmError}
 */
export async function missingActions(
  arm: Arm,
  subscription: string,
  actions: readonly string[],
): Promise<readonly string[]> {
  const held: Permission[] = [];
  const path = `/subscriptions/${subscription}/providers/Microsoft.Authorization/permissions`;
  for await (const one of arm.list(path, VERSION, permission)) held.push(one);
  return actions.filter((action) => !held.some((one) => grants(one, action)));
}

const grants = ({ actions, notActions }: Permission, action: string): boolean =>
  actions.some((pattern) => matches(pattern, action)) && !notActions.some((pattern) => matches(pattern, action));

/** `*` stands for any text, also with slashes. */
function matches(pattern: string, action: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const text = action.toLowerCase();
  if (!text.startsWith(first)) return false;
  if (rest.length === 0) return text === first;
  let at = first.length;
  const last = rest.pop() ?? '';
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
