import * as z from 'zod';
import { attempts, PolicyError } from './errors.ts';

/* What the schema of the settings is made of. */

/** What the documentation says of a setting, in Markdown. */
export interface SettingDocumentation {
  readonly description: string;
  /** What holds where it is not set. */
  readonly default?: string;
  readonly example?: string;
}

export const documentation = z.registry<SettingDocumentation>();

/** Text that one of the readers of this room reads; each `PolicyError` that it throws becomes an issue. */
export function read<Value>(reader: (text: string) => Value) {
  return z.string().transform((text, context): Value => {
    const { problems, attempt } = attempts(unexpected);
    const value = attempt(() => reader(text));
    for (const error of problems)
      context.issues.push({ code: 'custom', input: text, message: error.message, params: { error } });
    // Where there is an issue the value is not used.
    return value as Value;
  });
}

/** Whatever else goes wrong, the app loads and says so. */
export function unexpected({ message }: Error): PolicyError {
  return new PolicyError('settings', undefined, `cannot be read: ${message}`);
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z
    .string()
    .toLowerCase()
    .pipe(z.enum(values, { error: `must be one of ${values.join(', ')}` }));
}
