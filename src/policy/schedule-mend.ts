import { quote } from './errors.ts';
import { type Field, type Item, readItem } from './ncrontab.ts';

interface Mended {
  readonly text: string;
  /** What was wrong, if anything was. */
  readonly problem?: string;
}

/** An item of a list as it should be written; undefined where there is no telling. */
export function mendItem(field: Field, text: string): Mended | undefined {
  const item = readItem(field, text);
  // The host overlooks white space around numbers; in a message it would be confusing, or worse.
  if (item) return mendReadable(field, text.replace(/[\t-\r\0]/g, ''), item);
  if (text === '?') return { text: '*', problem: '? is not known (* is any value)' };
  if (field.name === 'day-of-week') return mendSunday(field, text);
  if (field.name === 'day-of-month' && text === 'L') {
    return { text: '28', problem: 'L is not known (28 is the last day that every month has)' };
  }
  return undefined;
}

function mendReadable(field: Field, text: string, item: Item): Mended {
  if (item.from > item.to) {
    const problem = `${quote(text)} runs backward, and the Functions host would swap its ends`;
    return { text: wrap(field, { ...item, step: Math.max(item.step, 1) }, isNamed(field, text)), problem };
  }
  if (item.step < 1) {
    const slash = text.indexOf('/');
    return {
      text: text.slice(0, slash),
      problem: `${quote(text)} has a step below 1, which the Functions host takes for 1`,
    };
  }
  return { text };
}

/** Elsewhere 7 is Sunday too. */
function mendSunday(field: Field, text: string): Mended | undefined {
  const item = readItem({ ...field, max: 7 }, text);
  // Nothing but a 7 is new in that field: the rest is readable without.
  if (!item || item.step < 1) return undefined;
  const { from, to, step } = item;
  const problem = 'Sunday is 0, not 7';
  if (from === 0) return { text: step === 1 ? '*' : `0-6/${step}`, problem };
  return { text: wrap(field, { from: from % 7, to: to % 7, step }, isNamed(field, text)), problem };
}

/**
 * A range that goes on at the start of its field, as the list that the host reads so: `22-2` is `22-23,0-2`, and
 * `22-2/3` is `22,1`.
 */
function wrap(field: Field, { from, to, step }: Item, named: boolean): string {
  const size = field.max - field.min + 1;
  const length = to < from ? to + size - from : to - from;
  const values = Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => from + index * step);
  const write = (value: number): string => (named ? (field.names[value - field.min] ?? '').slice(0, 3) : String(value));
  const parts = [
    values.filter((value) => value <= field.max),
    values.filter((value) => value > field.max).map((value) => value - size),
  ];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => {
      const [first = 0, last = first] = [part[0], part.at(-1)];
      if (first === last) return write(first);
      return `${write(first)}-${write(last)}${step === 1 ? '' : `/${step}`}`;
    })
    .join();
}

function isNamed({ names }: Field, text: string): boolean {
  return names.length > 0 && /[a-z]/i.test(text);
}
