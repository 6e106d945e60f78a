import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { askOn, isInteractive, questionOf } from '../../../src/doors/cli/confirm.ts';
import { summarize } from '../../../src/ledger/summary.ts';
import { total } from '../../../src/ledger/total.ts';

async function answered(typed: string): Promise<{ readonly yes: boolean; readonly shown: string }> {
  const input = new PassThrough();
  const output = new PassThrough();
  const answer = askOn(input, output)('Delete 1 tag?');
  input.write(typed);
  if (typed === '') input.end();
  return { yes: await answer, shown: String(output.read() ?? '') };
}

describe('the question before a purge', () => {
  test.each(['y\n', 'yes\n', 'Y\n', ' YES \n'])('%j is yes', async (typed) => {
    const { yes, shown } = await answered(typed);
    expect(yes).toBe(true);
    expect(shown).toContain('Delete 1 tag? [y/N]');
  });

  // Ctrl-C, and the end of the input.
  test.each(['n\n', '\n', 'no\n', 'yess\n', 'delete\n', '\u0003', ''])('%j is no', async (typed) => {
    expect((await answered(typed)).yes).toBe(false);
  });

  test('is asked where a person reads and types, and nowhere else', () => {
    const [tty, pipe] = [{ isTTY: true }, {}];
    expect([isInteractive(tty, tty), isInteractive(pipe, tty), isInteractive(tty, pipe)]).toEqual([true, false, false]);
  });

  test('says what is deleted, and where', () => {
    const totals = total([summarize('app', [])]);
    const counts = {
      ...totals,
      tags: { ...totals.tags, deleted: 1 },
      manifests: { ...totals.manifests, deleted: 12 },
      bytes: 5e9,
    };
    expect(questionOf({ totals: counts, registry: 'contoso.azurecr.io' })).toBe(
      'Delete 1 tag and 12 manifests (at most 5 GB) from contoso.azurecr.io?',
    );
  });
});
