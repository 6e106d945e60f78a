import type { z } from 'zod';
import { InvalidPolicy, PolicyError } from './errors.ts';
import { type Environment, type Setting, SETTINGS, SETTINGS_SCHEMA, type SettingValues } from './settings-schema.ts';

/* How settings become values: each by itself, so that a mistake in one hides none in another. */

export type Texts = Readonly<Partial<Record<Setting, string>>>;

export function textsIn(environment: Environment): Texts {
  return Object.fromEntries(
    SETTINGS.map((name) => {
      const text = environment[name]?.trim();
      // The Functions host reads the schedule as it stands.
      return [name, text === '' ? undefined : name === 'PURGE_SCHEDULE' ? environment[name] : text];
    }),
  );
}

/** Reads each setting by itself, so that a mistake in one hides none in another. */
export function parseEach<Name extends Setting>(
  names: readonly Name[],
  texts: Texts,
): { readonly values: Partial<Pick<SettingValues, Name>>; readonly mistakes: readonly PolicyError[] } {
  const parsed = names.map((name) => ({ name, result: SETTINGS_SCHEMA.shape[name].safeParse(texts[name]) }));
  return {
    values: Object.fromEntries(parsed.map(({ name, result }) => [name, result.data])) as Partial<
      Pick<SettingValues, Name>
    >,
    mistakes: parsed.flatMap(({ name, result }) =>
      (result.error?.issues ?? []).map((issue) => mistakeOf(name, texts[name], issue)),
    ),
  };
}

function mistakeOf(name: Setting, text: string | undefined, issue: z.core.$ZodIssue): PolicyError {
  const error: unknown = issue.code === 'custom' ? issue.params?.['error'] : undefined;
  if (error instanceof PolicyError) return error;
  const isSecret = name === 'AZURE_CLIENT_ID' || name === 'NOTIFY' || text?.includes('@');
  return new PolicyError(name, isSecret ? undefined : text, issue.message);
}

/**
 * Some settings alone, for the command line and for what works in spite of mistakes elsewhere.
 * @throws {InvalidPolicy} with every mistake in them
 */
export function parseSome<Name extends Setting>(
  names: readonly Name[],
  environment: Environment,
): Pick<SettingValues, Name> {
  const { values, mistakes } = parseEach(names, textsIn(environment));
  if (mistakes.length > 0) throw new InvalidPolicy(mistakes);
  return values as Pick<SettingValues, Name>;
}
