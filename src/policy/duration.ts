import { PolicyError } from './error.ts';

const FLAG = '--ago';

/** `acr purge` looks back no further than 150 years, and replaces anything longer by that. */
const LONGEST_DAYS = 150n * 365n;

/** No duration that means anything is longer; without a bound, a million digits would be worth minutes of arithmetic. */
const LONGEST_TEXT = 1000;

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const DAY = 86_400_000_000_000n;
const LONGEST = LONGEST_DAYS * DAY;

/** The units of Go's time.ParseDuration, in nanoseconds; both micro signs of Unicode are its own. */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', NANOSECONDS_PER_MILLISECOND],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

/**
 * Reads the value of `--ago`, or of the setting `flag`: `[<days>d][<Go duration>]`, e.g. `30d`, `2d3h30m`, `1.5h`, `0`. Blanks around it are
 * ignored.
 *
 * The duration is rounded up to whole milliseconds: the cut-off then lies no later than that of `acr purge`, and selects
 * no more. Beyond 150 × 365 days it is that, as in `acr purge`, and `capped` says so, for the caller to warn.
 *
 * @throws {PolicyError} for whatever is no such duration, also where `acr purge` would overlook it because the days
 * before it already exceed the limit, and for a negative one, which would select what has not been pushed yet.
 */
export function parseDuration(text: string, flag = FLAG): { readonly milliseconds: number; readonly capped: boolean } {
  const trimmed = text.replace(/^[ \t]+|[ \t]+$/g, '');
  const nanoseconds = trimmed.length > LONGEST_TEXT ? undefined : readDuration(trimmed);
  if (nanoseconds === undefined) throw new PolicyError(flag, text, explain(trimmed));
  const capped = nanoseconds > LONGEST;
  const counted = capped ? LONGEST : nanoseconds;
  return { milliseconds: Number(ceilDivide(counted, NANOSECONDS_PER_MILLISECOND)), capped };
}

/** The duration in nanoseconds, or undefined for a text that is none. */
function readDuration(text: string): bigint | undefined {
  if (text === '') return undefined;
  const days = /^([0-9]+)d/.exec(text);
  const rest = days ? text.slice(days[0].length) : text;
  let total = BigInt(days?.[1] ?? 0) * DAY;
  // Go reads a bare zero as a duration, and no other number without a unit.
  if (rest === '0') return total;
  // Not one regular expression for the whole: its groups would keep only the last number.
  const part = /([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)/y;
  while (part.lastIndex < rest.length) {
    const found = part.exec(rest);
    const [, whole = '', fraction = '', name = ''] = found ?? [];
    const unit = UNITS.get(name);
    if (unit === undefined || whole + fraction === '') return undefined;
    total += ceilDivide(BigInt(whole + fraction) * unit, 10n ** BigInt(fraction.length));
  }
  return total;
}

/** What is wrong with a text that is no duration, and what to write instead. */
function explain(text: string): string {
  const form = 'write days, then hours, minutes and seconds, e.g. 30d, 2d3h30m or 90m';
  if (text === '') return `no duration is given; ${form}`;
  if (text.length > LONGEST_TEXT) return `no duration is longer than ${LONGEST_TEXT} characters; ${form}`;
  if (/[^!-~µμ]/.test(text)) {
    const joined = text.replace(/\s+/g, '');
    return readDuration(joined) === undefined
      ? `only the digits 0 to 9 and units may stand in a duration; ${form}`
      : `no blank may stand inside a duration; write ${joined}`;
  }
  if (/[+-]/.test(text)) {
    const unsigned = text.replace(/[+-]/g, '');
    const instead = readDuration(unsigned) === undefined ? form : `write ${unsigned}`;
    return `a duration has no sign: it is how long ago something happened; ${instead}`;
  }
  const fractionOfDays = /^([0-9]*)\.([0-9]*)d$/.exec(text);
  if (fractionOfDays && text !== '.d') {
    const [, whole = '', fraction = ''] = fractionOfDays;
    return `days are whole numbers; write ${decimal(BigInt(whole + fraction) * 24n, fraction.length)}h`;
  }
  const weeks = /^([0-9]+)w$/i.exec(text);
  if (weeks) return `there is no unit for weeks; write ${String(BigInt(weeks[1] ?? '') * 7n)}d`;
  if (/^[0-9.]+$/.test(text)) return `a number needs a unit; write ${text}h for hours, or e.g. 30d for days`;
  const lower = text.toLowerCase();
  if (lower !== text && readDuration(lower) !== undefined) return `units are written small; write ${lower}`;
  if (/[a-z][0-9]+d/.test(text)) return `days come first, and once; ${form}`;
  if (text.startsWith('d')) return `a number of days must stand before the d; ${form}`;
  return `this is no duration; ${form}`;
}

/** An integer shifted right by some decimal places, without trailing zeros. */
function decimal(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

function ceilDivide(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
