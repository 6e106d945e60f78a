import { PolicyError } from './errors.ts';

/** @throws {PolicyError} for what is no whole number in digits from `least` to `most`; a leading zero is octal to acr purge */
export function readInteger(name: string, text: string, least: number, most: number): number {
  if (/^-\d+$/.test(text)) throw new PolicyError(name, text, 'must not be negative');
  if (!/^(?:0|[1-9]\d*)$/.test(text)) throw new PolicyError(name, text, 'must be a whole number in digits, e.g. 5');
  if (Number(text) < least) throw new PolicyError(name, text, `must be at least ${least}`);
  if (Number(text) > most) throw new PolicyError(name, text, `must be at most ${most}`);
  return Number(text);
}

/** What Go's strconv.ParseBool takes, and so `acr purge`, in any mix of cases. */
export function readSwitch(name: string, text: string): boolean {
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)$/i.test(text)) return false;
  throw new PolicyError(name, text, 'must be true or false');
}
