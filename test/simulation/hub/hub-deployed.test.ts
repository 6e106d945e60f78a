import { describe, expect, it } from 'vitest';
import { runWithHooks } from '../process/node.ts';

interface Purged {
  readonly errors: readonly string[];
  readonly ended: readonly {
    readonly output: unknown;
    readonly tags: readonly string[];
    readonly runs: readonly unknown[];
    readonly again: number;
  }[];
}

describe('a purge as it is deployed, with two processes', () => {
  it.each(['double', 'kill', 'freeze'])('comes to its end whatever is done twice: %s', async (happens) => {
    const { errors, ended } = JSON.parse(await runWithHooks('checks/hub.ts', [happens, '8'])) as Purged;
    expect(errors).toEqual([]);
    expect(ended).toHaveLength(8);
    for (const { output, tags, runs } of ended) {
      // `over`: it was begun once more, when it had been done.
      expect(['done', 'over']).toContain((output as { readonly state: string }).state);
      expect(tags).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `shop/${name}:v-0`));
      expect(runs).toMatchObject([{ state: 'done', progress: { done: 6, of: 6 }, totals: { listed: { tags: 18 } } }]);
    }
    // What was under way is done again, always; what is doubled or lost comes up now and then.
    const again = ended.filter(({ again: times }) => times > 0);
    expect(again.length).toBeGreaterThanOrEqual(happens === 'double' ? 1 : 8);
  });
});
