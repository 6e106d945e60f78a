import type { UnpulledView } from '../../src/doors/http/unpulled.ts';
import type { UnpulledReport } from '../../src/report/unpulled.ts';
import { HOSTILE, NOW } from './review.ts';

/** What was not pulled of a registry, as large as a page shows it. */
export function unpulledOf(over: Partial<UnpulledReport> = {}): UnpulledReport {
  const images = Array.from({ length: 40 }, (_, n) => ({
    repository: n % 3 === 0 ? 'shop/checkout' : `team-${n % 3}/worker`,
    digest: `sha256:${String(n).padStart(2, '0').repeat(32)}`,
    tags: Array.from({ length: n % 9 }, (__, tag) => `v1.${n}.${tag}`),
    bytes: 900_000_000 - n * 20_000_000,
    pushed: '2026-02-03T10:00:00.000Z',
    ...(n % 2 === 0 && { lastPull: '2026-06-07T08:00:00.000Z' }),
  }));
  return {
    registry: 'contoso.azurecr.io',
    within: '90d',
    observedAt: NOW.toISOString(),
    since: '2026-05-01T00:00:00.000Z',
    isLongEnough: true,
    problems: [],
    looked: { repositories: 3, of: 3 },
    total: { images: 52, bytes: 21_000_000_000 },
    repositories: [
      { repository: 'shop/checkout', images: 14, of: 14, bytes: 7_280_000_000 },
      { repository: 'team-1/worker', images: 13, of: 1_250, bytes: 6_630_000_000 },
      { repository: 'team-2/worker', images: 13, of: 20, bytes: 6_370_000_000 },
    ],
    images,
    ...over,
  };
}

/** The same where everything in it is named to do harm. */
export function hostileUnpulled(): UnpulledReport {
  const all = HOSTILE.join(' ');
  return unpulledOf({
    registry: all,
    within: all,
    isLongEnough: false,
    problems: [...HOSTILE, all],
    looked: { repositories: 2, of: 7 },
    next: all,
    repositories: HOSTILE.map((repository) => ({ repository, images: 1, of: 2, bytes: 3 })),
    images: HOSTILE.map((text) => ({
      repository: text, digest: text, tags: HOSTILE, bytes: 1, pushed: text, lastPull: text,
    })),
  }); // prettier-ignore
}

export const viewOf = (report: UnpulledReport): UnpulledView => ({
  registries: [report.registry, 'fabrikam.azurecr.io'],
  read: () => Promise.resolve(report),
});
