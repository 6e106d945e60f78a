import { CronExpressionParser } from 'cron-parser';
import { PolicyError } from './errors.ts';
import { type Moments, readMoments } from './ncrontab.ts';
import { describeMoments } from './schedule-words.ts';

/** `Schedule.next` ends here, so that a search for the runs of a rare schedule ends. */
export const SCHEDULE_HORIZON = new Date('2060-01-01T00:00:00Z');

const MILLISECONDS_PER_DAY = 86_400_000;

/** When to run, as the Azure Functions host reads it, in UTC. */
export interface Schedule {
  /** As it was given. */
  readonly expression: string;
  /** In words, e.g. `At 01:00, only on Sunday (UTC)`. */
  readonly description: string;
  /**
   * The next runs after a moment, that moment itself not among them, in order; fewer than `count` where there are no
   * more before `SCHEDULE_HORIZON`.
   */
  readonly next: (after: Date, count: number) => readonly Date[];
}

const FORM =
  'write five fields (minute, hour, day of the month, month, day of the week), or six with the second before them, in UTC, ' +
  'e.g. 0 1 * * Sun for Sundays at 01:00 UTC';

/**
 * Reads a timer expression of five fields (minute, hour, day of the month, month, day of the week), or of six with the
 * second before them, exactly as the Azure Functions host does, but for what `readMoments` refuses besides.
 *
 * @param name what the text was given as, for the error
 * @throws {PolicyError} that says what is wrong, and what a schedule looks like
 */
export function parseSchedule(text: string, name = 'PURGE_SCHEDULE'): Schedule {
  const moments = readMoments(text, (problem) => {
    throw new PolicyError(name, text, `${problem}; ${FORM}`);
  });
  return {
    expression: text,
    description: describeMoments(moments),
    next: (after, count) => nextRuns(moments, after, count),
  };
}

function nextRuns(moments: Moments, after: Date, count: number): readonly Date[] {
  if (after >= SCHEDULE_HORIZON) return [];
  const { seconds, minutes, hours, days, months, weekdays } = moments;
  // cron-parser reads lists of numbers as the host does. But where days of the month and of the week are restricted, it
  // takes a day that matches either, and the host one that matches both: so weekdays are checked here.
  const expression = [seconds, minutes, hours, days, months].map((values) => values.join()).join(' ') + ' *';
  const times = CronExpressionParser.parse(expression, { currentDate: after, tz: 'UTC' });
  const runs: Date[] = [];
  while (runs.length < count) {
    const run = times.next().toDate();
    if (run >= SCHEDULE_HORIZON) break;
    if (weekdays.includes(run.getUTCDay())) runs.push(run);
    // Skips the rest of a wrong day, of which a schedule by the second would have 86,400 moments.
    else times.reset(lastSecondOfDay(run));
  }
  return runs;
}

function lastSecondOfDay(time: Date): Date {
  return new Date((Math.floor(time.getTime() / MILLISECONDS_PER_DAY) + 1) * MILLISECONDS_PER_DAY - 1000);
}
