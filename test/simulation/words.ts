import { digestOf } from '../../src/dev/emulator/manifests.ts';
import type { DrawOptions } from './world/draws.ts';
import { short } from './registry/registry.ts';
import type { Verdict } from './simulate.ts';

/** A story in words: what there was, what happened, what did not hold, and the command that tells it again. */
export function storyOf({ seed, problems, story }: Verdict, { only, without }: DrawOptions): string {
  const { setup, world, state } = story;
  const { environment, guards } = setup.settings[0];
  const {
    PURGE_COMMAND = '',
    PURGE_DRY_RUN,
    RUN_TIME_BUDGET,
    MAX_DELETIONS,
    MAX_DELETION_PERCENT,
    KEEP_LAST_TAG,
  } = environment;
  const held = guards
    ? 'none'
    : `${MAX_DELETIONS ?? ''} deletions, ${MAX_DELETION_PERCENT ?? ''} %, keep the last tag: ${KEEP_LAST_TAG ?? ''}`;
  const contents = Object.entries(state).flatMap(([name, { manifests, tags, locked }]) => [
    `  ${name}${locked ? ` ${JSON.stringify(locked)}` : ''}`,
    ...manifests.map(({ body, age, locked: lock }) => {
      const digest = digestOf(body);
      const own = tags.filter((tag) => tag.digest === digest);
      const named = own.map(
        (tag) => `${tag.name} (${days(tag.age)}${tag.locked ? `, ${JSON.stringify(tag.locked)}` : ''})`,
      );
      return `    ${short(digest)} ${partsOf(body)}${days(age)}${lock ? ` ${JSON.stringify(lock)}` : ''} ${named.join(' ')}`.trimEnd();
    }),
  ]);
  const again = [
    `npm run simulate -- --from ${seed} --seeds 1`,
    ...(only ? [`--only ${[...only].join(',')}`] : []),
    ...(without && without.size > 0 ? [`--without '${[...without].join(',')}'`] : []),
  ];
  return [
    `seed ${seed}: ${problems.length === 0 ? 'all held' : 'it does not hold'}`,
    ...problems.map((problem) => `  ${problem}`),
    `with the driver ${setup.driver}, the store ${setup.store}, pages of ${setup.pageSize}`,
    ...PURGE_COMMAND.split('\n').map((line) => `  ${line}`),
    `  dry run: ${PURGE_DRY_RUN ?? ''}, time budget ${RUN_TIME_BUDGET ?? ''}, guards: ${held}`,
    'there was',
    ...contents,
    'then',
    ...world.lines.map(({ at, text }) => `  ${clockOf(at)} ${text}`),
    `again: ${again.join(' ')}`,
    '',
  ].join('\n');
}

const days = (seconds: number): string => `${(seconds / 86_400).toFixed(1)} d old`;

function partsOf(body: string): string {
  const { manifests, subject } = JSON.parse(body) as {
    readonly manifests?: readonly { readonly digest: string }[];
    readonly subject?: { readonly digest: string };
  };
  if (manifests) return `index of ${manifests.map(({ digest }) => short(digest)).join(', ')}, `;
  return subject ? `attached to ${short(subject.digest)}, ` : '';
}

/** `12:34.567`, since the beginning. */
function clockOf(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  return `${String(Math.floor(seconds / 60)).padStart(3)}:${(seconds % 60).toFixed(3).padStart(6, '0')}`;
}
