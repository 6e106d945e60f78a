import { Command, Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { parseSchedule, type Schedule, SCHEDULE_HORIZON } from '../../policy/schedule.ts';

const MOST_RUNS = 1000;
const OUTPUTS = ['text', 'json'] as const;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?)([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

interface ScheduleFlags {
  readonly from?: Date;
  readonly count: number;
  readonly output: (typeof OUTPUTS)[number];
}

/** `acr-retention schedule`: how the Functions host reads a timer expression, before it is deployed. */
export function scheduleCommand(write: (text: string) => unknown = (text) => process.stdout.write(text)): Command {
  return (
    new Command('schedule')
      .description('say in words when a schedule runs, and its next runs, as the Azure Functions host reads it (UTC)')
      // Takes several words, so that an unquoted expression gets a message of its own.
      .argument('<expression...>', "five fields, or six with the second first; quoted: '0 1 * * Sun'")
      .option('--from <time>', 'tell the runs after this time, e.g. 2026-11-24T00:00:00Z (default: now)', readTime)
      .option('--count <n>', `how many runs, 1 to ${MOST_RUNS}`, readCount, 5)
      .addOption(new Option('--output <form>', 'how to say it').choices(OUTPUTS).default('text'))
      .action((words: readonly string[], { from = new Date(), count, output }: ScheduleFlags) => {
        const [expression = '', ...others] = words;
        if (others.length > 0) throw unquoted(words);
        const schedule = parseSchedule(expression, 'schedule');
        const runs = schedule.next(from, count);
        write(output === 'json' ? json(schedule, runs) : text(schedule, runs, count));
      })
  );
}

function json({ expression, description }: Schedule, runs: readonly Date[]): string {
  return `${JSON.stringify({ expression, description, next: runs.map(toSeconds) })}\n`;
}

function text({ description }: Schedule, runs: readonly Date[], count: number): string {
  const none = `before ${SCHEDULE_HORIZON.getUTCFullYear()}`;
  if (runs.length === 0) return `${description}\n\nThere is no run ${none}.\n`;
  const title = runs.length === 1 ? 'The next run' : `The next ${runs.length} runs`;
  const lines = runs.map((run) => `  ${WEEKDAYS[run.getUTCDay()] ?? ''} ${toSeconds(run)}`);
  const more = runs.length < count ? ` (there are no more ${none})` : '';
  return `${description}\n\n${title}, in UTC${more}:\n${lines.join('\n')}\n`;
}

function toSeconds(run: Date): string {
  return run.toISOString().replace('.000Z', 'Z');
}

/** A shell splits at blanks, and puts file names in the place of `*`. */
function unquoted(words: readonly string[]): PolicyError {
  const joined = words.join(' ');
  const example = isSchedule(joined) ? joined : '0 1 * * Sun';
  return new PolicyError('schedule', joined, `it must be one argument; write acr-retention schedule '${example}'`);
}

function isSchedule(expression: string): boolean {
  try {
    parseSchedule(expression);
    return true;
  } catch {
    return false;
  }
}

/** @throws {PolicyError} for what is no time in RFC 3339, and where no runs are told any more */
function readTime(text: string): Date {
  const [, day = '', time = '', zone = ''] = RFC_3339.exec(text) ?? [];
  const moment = new Date(`${day}T${time}${zone.toUpperCase()}`);
  // `Date` rolls an impossible day over: 30 February becomes 2 March.
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(moment.getTime()) || midnight.toISOString().slice(0, 10) !== day) {
    throw new PolicyError('--from', text, 'this is no time; write date, time and zone, e.g. 2026-11-24T00:00:00Z');
  }
  if (moment >= SCHEDULE_HORIZON) {
    throw new PolicyError('--from', text, `runs are told up to ${toSeconds(SCHEDULE_HORIZON)}; write an earlier time`);
  }
  return moment;
}

/** @throws {PolicyError} for what is no number from 1 to `MOST_RUNS` */
function readCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MOST_RUNS) {
    throw new PolicyError('--count', text, `write a number from 1 to ${MOST_RUNS}`);
  }
  return count;
}
