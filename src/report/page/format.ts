import prettyBytes from 'pretty-bytes';
import { printable } from '../escape.ts';

/** Characters of a name that are shown. A registry allows 255; a record may hold anything. */
const MAX_NAME = 300;
const MAX_TEXT = 2_000;

export function count(value: number): string {
  return value.toLocaleString('en');
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${value === 1 ? noun : `${noun.replace(/(?<![aeiou])y$/, 'ie')}s`}`;
}

export function bytes(value: number): string {
  return prettyBytes(value);
}

/** The name of something in a registry. Control characters in it are shown, not obeyed. */
export function name(text: string): string {
  return clip(printable(text), MAX_NAME);
}

/** Whether it is shown as it is; no name that a registry takes is otherwise. */
export function isPlain(text: string): boolean {
  return name(text) === text;
}

/** A sentence that may quote a registry. */
export function words(text: string): string {
  return clip(printable(text), MAX_TEXT);
}

/** A text of several lines, as it is. */
export function lines(text: string): string {
  return text.trimEnd().split(/\r?\n/).map(printable).join('\n');
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** `2026-11-24 01:00`, UTC. */
export function minute(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? name(iso) : time.toISOString().slice(0, 16).replace('T', ' ');
}

/** `1 h 4 min`, `3 d 2 h`: two units at most. */
export function duration(milliseconds: number): string {
  if (!Number.isFinite(milliseconds) || milliseconds < 0) return '–';
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 1) return 'less than 1 s';
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${seconds % 60 === 0 ? '' : ` ${seconds % 60} s`}`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${count(Math.floor(hours / 24))} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
  return `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}
