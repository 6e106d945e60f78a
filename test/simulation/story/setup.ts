import type { Guards } from '../../../src/policy/guards.ts';
import { type Environment, readSettings, type Configuration } from '../../../src/policy/settings.ts';
import type { Draws } from '../world/draws.ts';
import { HOST, USER } from '../registry/registry.ts';

/** What an operator has chosen. */
export interface Setup {
  readonly driver: 'inline' | 'durable';
  readonly store: 'folder' | 'blob';
  /** Seconds that an access token lives; absent: a user and a password are sent with each call. */
  readonly tokenLife: number | undefined;
  /** Entries in a page of the registry's listings. */
  readonly pageSize: number;
  /** A change of attributes moves the time of the last update. */
  readonly patchMovesTime: boolean;
  /** The settings of the app, as they are at first and as they are changed to. */
  readonly settings: readonly [Chosen, Chosen];
}

export interface Chosen {
  readonly environment: Environment;
  /** Absent: as the settings say. The command line can do without any; then there is one pass instead of two. */
  readonly guards: Guards | undefined;
}

const FILTERS: readonly [string, ...string[]] = [
  '.*:.*',
  '.*:.*',
  '.*:.*',
  '.*:^(v|pr-)',
  '.*:^(v|pr-)',
  'shop/.*:.*',
  'shop/app:^(v|pr-|sha)',
];
const BUDGETS: readonly [string, ...string[]] = ['1h55m', '10m', '1m', '5s'];

export function setupOf(draws: Draws): Setup {
  const settings = [chosenOf(draws, 'first'), chosenOf(draws, 'second')] as const;
  // What is unlocked would be taken for pushed again.
  const unlocks = settings.some(({ environment }) => environment['PURGE_COMMAND']?.includes('--include-locked'));
  return {
    driver: draws.options.driver ?? (draws.number('driver') < 0.92 ? 'inline' : 'durable'),
    store: draws.number('store') < 0.85 ? 'folder' : 'blob',
    tokenLife: draws.pick('token life', [undefined, 4_500, 15]),
    pageSize: draws.number('page size') < 0.8 ? 1_000 : 2,
    patchMovesTime: !unlocks && draws.number('patch moves time') < 0.4,
    settings,
  };
}

function chosenOf(draws: Draws, key: string): Chosen {
  const environment = settingsOf(draws, key);
  const isUnguarded = draws.number(`guards ${key}`) < 0.35;
  return { environment, guards: isUnguarded ? {} : undefined };
}

function settingsOf(draws: Draws, key: string): Environment {
  const number = (what: string): number => draws.number(`${what} ${key}`);
  const command = (nth: string): string =>
    [
      `--filter '${draws.pick(`filter ${nth} ${key}`, FILTERS)}'`,
      `--ago ${draws.pick(`ago ${nth} ${key}`, ['7d', '7d', '30d', '0d', '10m'])}`,
      ...(number(`keep ${nth}`) < 0.3 ? [`--keep ${1 + draws.index(`kept ${nth} ${key}`, 2)}`] : []),
      ...(number(`untagged ${nth}`) < 0.85 ? ['--untagged'] : []),
      ...(number(`locked ${nth}`) < 0.25 ? ['--include-locked'] : []),
    ].join(' ');
  return {
    ACR_REGISTRY: HOST,
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
    PURGE_SCHEDULE: '0 0 1 * * *',
    PURGE_COMMAND: number('commands') < 0.8 ? command('one') : `${command('one')}\n${command('two')}`,
    PURGE_DRY_RUN: number('dry run') < 0.12 ? 'true' : 'false',
    RETENTION_STORAGE: '/ledger',
    RUN_TIME_BUDGET: number('long') < 0.6 ? '1h55m' : draws.pick(`budget ${key}`, BUDGETS),
    REGISTRY_PARALLELISM: String(1 + draws.index(`parallelism ${key}`, 3)),
    PLAN_MAX_AGE: '24h',
    ...(draws.number('in use') < 0.25 ? { IN_USE: 'kube', IN_USE_REMEMBER: '2h' } : {}),
    ...quarantineOf(draws, key),
    ...guardsOf(draws, key),
  };
}

/** It is on in some worlds, and may be turned off, or made longer, while something waits in it. */
function quarantineOf(draws: Draws, key: string): Environment {
  // What is left on a calm day is compared: no time must be over only by chance.
  if (draws.options.only || draws.number('quarantine') >= 0.4 || draws.number(`no quarantine ${key}`) < 0.2) return {};
  return { QUARANTINE: draws.pick(`quarantine ${key}`, ['1m', '5m', '5m', '20m', '14d']) };
}

/** Settings cannot do without every guard; with these, nothing is held back. */
const NO_GUARDS = {
  MAX_DELETIONS: '1000000',
  MAX_DELETION_PERCENT: '100',
  MAX_MEDIAN_FACTOR: '0',
  KEEP_LAST_TAG: 'false',
};

function guardsOf(draws: Draws, key: string): Environment {
  const drawn = draws.number(`guards ${key}`);
  if (drawn < 0.6) return NO_GUARDS;
  if (drawn < 0.75) return { ...NO_GUARDS, MAX_DELETIONS: String(1 + draws.index(`most ${key}`, 8)) };
  if (drawn < 0.9) return { ...NO_GUARDS, MAX_DELETION_PERCENT: String(20 + draws.index(`percent ${key}`, 70)) };
  return { ...NO_GUARDS, KEEP_LAST_TAG: 'true' };
}

export function configurationOf({ environment, guards }: Chosen): Configuration & { readonly state: 'valid' } {
  const read = readSettings(environment, () => '');
  if (read.state === 'invalid') throw new Error(read.mistakes.map(({ message }) => message).join('; '));
  return guards ? { ...read, settings: { ...read.settings, guards } } : read;
}
