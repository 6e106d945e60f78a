import type { Notification } from '../../src/report/notification.ts';

export const SAMPLE: Notification = {
  id: '20261129T150400Z-3f9a0c/ended-0',
  kind: 'guard-tripped',
  at: '2026-11-29T15:04:00.000Z',
  registry: 'contoso.azurecr.io',
  subject: '20261129T150400Z-3f9a0c',
  tone: 'warning',
  title: 'A guard held back a run on contoso.azurecr.io',
  sentences: ['412 tags would be deleted, and 500 are the most.', 'It waits for approval.'],
  facts: [
    ['Registry', 'contoso.azurecr.io'],
    ['Would delete', '412 tags'],
  ],
  lists: [{ title: 'Repositories that lose most', lines: ['team/app: 80 % of its tags', 'web: 12 %'] }],
  link: { text: 'Open the plan', url: 'https://retention.example/review?run=20261129T150400Z-3f9a0c' },
  data: { runId: '20261129T150400Z-3f9a0c', deletions: 412 },
};
