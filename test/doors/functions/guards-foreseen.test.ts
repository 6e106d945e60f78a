import { expect, test } from 'vitest';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { type AppHere, withAppHere } from '../../support/app-here.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withEmulator } from '../../support/registry.ts';

const SETTINGS = {
  PURGE_COMMAND: "--filter '.*:.*' --ago 30d --untagged",
  PURGE_SCHEDULE: '0 1 * * Sun',
  MAX_DELETION_PERCENT: '100',
};

async function foreseen(app: AppHere, path: string, init: RequestInit = {}): Promise<readonly string[]> {
  const response = await app.ask(path, init);
  expect(response.status).toBe(200);
  const { summary } = (await response.json()) as { readonly summary: RunSummary };
  return summary.breakers.map(({ breaker, repository }) => `${breaker} ${repository ?? 'everything'}`);
}

test('dry runs of HTTP and of the schedule say what guards would hold back: those of the settings, or of the request', async () => {
  const repositories = { portal: repositoryOf(...images('portal', 2, 'v')) };
  await withEmulator({ repositories }, async (emulator) => {
    await withAppHere(emulator, { ...SETTINGS, RETENTION_STORAGE: newFolder() }, async (app) => {
      expect(await foreseen(app, '/api/dry-run')).toEqual(['no-tag-left portal']);
      // The configured commands, and other guards.
      const query = '/api/dry-run?keep-last-tag=false&maxDeletions=3';
      expect(await foreseen(app, query)).toEqual(['max-deletions everything']);
      const post = (type: string, body: string): Promise<readonly string[]> =>
        foreseen(app, '/api/dry-run', { method: 'POST', headers: { 'content-type': type }, body });
      const fields = { filter: 'portal:.*', ago: '30d', maxDeletionPercent: 50, keepLastTag: false };
      expect(await post('application/json', JSON.stringify(fields))).toEqual(['max-deletion-percent portal']);
      const text = 'acr purge --filter portal:.* --ago 30d --keep-last-tag=false --max-deletions 1';
      expect(await post('text/plain', text)).toEqual(['max-deletions everything']);
      expect(await post('text/plain', `${text}00`)).toEqual([]);
      const wrong = await app.ask('/api/dry-run?max-deletions=-1&max-deletion-percent=200');
      expect(wrong.status).toBe(400);
      expect(await wrong.text()).toMatch(/--max-deletions.*--max-deletion-percent/s);

      await app.fireTimer();
      const { runs } = (await (await app.ask('/api/runs?kind=scheduled')).json()) as { readonly runs: RunRecord[] };
      expect(runs).toMatchObject([{ state: 'done', dryRun: true, breakers: [{ breaker: 'no-tag-left' }] }]);
      expect(app.log()).toContainEqual(
        expect.objectContaining({ event: 'guard-foreseen', guard: 'keep-last-tag', repository: 'portal' }),
      );
      const page = await (await app.ask(`/api/review?run=${runs[0]?.id ?? ''}`)).text();
      expect(page).toMatch(
        /All \d+ deletions would be held back until they are approved.*portal: all 2 tags would be deleted/s,
      );
      expect(emulator.tagsLeft()).toHaveLength(2);
    });
  });
});
