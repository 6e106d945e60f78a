import { parseSchedule, type Schedule } from '../../policy/schedule.ts';
import type { Environment } from '../../policy/settings.ts';
import type { FunctionMetadata, LogLevel } from './protocol.ts';

export interface Timer {
  readonly name: string;
  /** When it fires, for people: the setting that says so, or the schedule in words. */
  readonly when: string;
  /** Runs it now, besides its schedule. */
  readonly fire: () => void;
  readonly stop: () => void;
}

/** A timer can wait no longer than this (2³¹ − 1 ms), so long waits are cut. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Fires the timer functions of an app by their schedules. A wrong schedule is logged, and never fires. */
export function runTimers(
  functions: readonly FunctionMetadata[],
  environment: Environment,
  log: (level: LogLevel, message: string, name?: string) => void,
  invoke: (name: string, timer: object) => Promise<unknown>,
): readonly Timer[] {
  return functions.flatMap(({ name, bindings }) => {
    const binding = Object.values(bindings).find(({ type }) => type === 'timerTrigger');
    if (!binding) return [];
    const { schedule: text = '' } = binding;
    const setting = settingIn(text);
    try {
      const schedule = scheduleOf(text, setting, environment);
      return [{ name, when: setting ?? schedule.description, ...runTimer(name, schedule, invoke) }];
    } catch (error) {
      log('error', `the function is in error: ${(error as Error).message}`, name);
      return [{ name, when: setting ?? text, fire: () => void invoke(name, timerInfo()), stop: () => undefined }];
    }
  });
}

/** `%NAME%` stands for an app setting. */
function settingIn(text: string): string | undefined {
  return /^%(.+)%$/.exec(text)?.[1];
}

function scheduleOf(text: string, setting: string | undefined, environment: Environment): Schedule {
  if (setting === undefined) return parseSchedule(text, 'schedule');
  const value = environment[setting];
  if (value === undefined) throw new Error(`${text} does not resolve to a value`);
  return parseSchedule(value, setting);
}

function runTimer(
  name: string,
  schedule: Schedule,
  invoke: (name: string, timer: object) => Promise<unknown>,
): Pick<Timer, 'fire' | 'stop'> {
  let waiting: NodeJS.Timeout | undefined;
  let last: Date | undefined;
  const nextRun = (): Date | undefined => schedule.next(new Date(), 1)[0];
  const fire = (): Promise<unknown> => {
    const info = timerInfo(last, nextRun());
    last = new Date();
    return invoke(name, info);
  };
  // Waits for the next run when one has ended: runs of one timer do not overlap.
  const wait = (): void => {
    const due = nextRun();
    if (!due) return;
    const tick = (): void => {
      const left = due.getTime() - Date.now();
      if (left > 0) waiting = setTimeout(tick, Math.min(left, LONGEST_WAIT_MS));
      else void fire().then(wait);
    };
    tick();
  };
  wait();
  return { fire: () => void fire(), stop: () => clearTimeout(waiting) };
}

/** What the host tells a timer function. */
function timerInfo(last?: Date, next?: Date): object {
  const time = (date: Date | undefined): string => (date ?? new Date(0)).toISOString();
  return {
    Schedule: { AdjustForDST: true },
    ScheduleStatus: { Last: time(last), Next: time(next), LastUpdated: time(last) },
    IsPastDue: false,
  };
}
