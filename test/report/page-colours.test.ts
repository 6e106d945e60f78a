import { describe, expect, test } from 'vitest';
import { STYLE } from '../../src/report/page/style.ts';

/*
 * Each text of a page can be read on what is behind it, by day and at night. The pages themselves are looked at in Chromium
 * in one screen of each scheme.
 */

const colours = new Map(
  Array.from(
    STYLE.matchAll(/--([\w-]+): light-dark\(#([\da-f]{6}), #([\da-f]{6})\)/g),
    ([, name = '', light = '', dark = '']) => [name, { light, dark }],
  ),
);

/** Of a colour such as `1c2329`: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const part = (at: number): number => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4);
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const ON_ANY = ['text', 'quiet', 'link'].flatMap((text) =>
  ['back', 'card', 'head'].map((back) => [text, back] as const),
);
const ON_THEIR_OWN = [...colours.keys()]
  .filter((name) => name.endsWith('-back'))
  .map((back) => [back.replace('-back', ''), back] as const);

describe.each(['light', 'dark'] as const)('in %s', (scheme) => {
  test.each([...ON_ANY, ...ON_THEIR_OWN])('%s is read on %s', (text, back) => {
    const of = (name: string): string => colours.get(name)?.[scheme] ?? '';
    expect(contrast(of(text), of(back))).toBeGreaterThanOrEqual(4.5);
  });
});
