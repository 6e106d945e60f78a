import type { PolicyError } from '../policy/errors.ts';
import type { Configuration, Settings } from '../policy/settings.ts';
import type { Log } from '../report/log.ts';
import type { RunOptions } from './run.ts';

/** What is asked for cannot be done, because the app's settings are wrong. Says every mistake. */
export class Misconfigured extends Error {
  override readonly name = 'Misconfigured';
  readonly mistakes: readonly PolicyError[];

  constructor(mistakes: readonly PolicyError[]) {
    super(`the app settings are wrong: ${mistakes.map(({ message }) => message).join('; ')}`);
    this.mistakes = mistakes;
  }
}

/** @throws {Misconfigured} */
export function settingsOf(configuration: Configuration): Settings {
  if (configuration.state === 'invalid') throw new Misconfigured(configuration.mistakes);
  return configuration.settings;
}

export function logMistakes(mistakes: readonly PolicyError[], log: Log): void {
  const messages = mistakes.map(({ message }) => message);
  log.error({ event: 'misconfigured', mistakes: messages }, 'nothing was done: the app settings are wrong');
}

/**
 * The settings, for a timer: nobody else would say what is wrong with them.
 * @throws {Misconfigured}
 */
export function configured(configuration: Configuration, log: Log): Settings {
  if (configuration.state === 'invalid') logMistakes(configuration.mistakes, log);
  return settingsOf(configuration);
}

/** What a function is started with: everything of a run but what is wanted. */
export type Trigger = Omit<RunOptions, 'policies' | 'kind' | 'policyFrom' | 'guards' | 'timeBudget'> & {
  readonly log: Log;
};

/** What is said of a registry that the app does not serve. */
export function notServed({ registries }: Settings): string {
  const hosts = registries.map(({ endpoint }) => endpoint.host);
  return `this app serves ${hosts.join(', ')} only`;
}
