import { expect, test } from 'vitest';
import { whyNotApplied } from '../../../src/engine/apply.ts';
import { recordPolicy } from '../../../src/ledger/policy-record.ts';
import { NOW, recordOf } from '../../support/review.ts';
import { policyOf } from '../../support/registry.ts';

const HOUR_MS = 3_600_000;
const about = { now: NOW, planAgeMilliseconds: 24 * HOUR_MS };
const policy = recordPolicy([policyOf(['-f', 'app:^dev', '--ago', '30d'])], 'settings');
const planned = (hours: number) => ({
  ...recordOf(new Date(NOW.getTime() - hours * HOUR_MS).toISOString(), []).run,
  policy,
  plan: { hash: 'a3f0', deletions: 1, state: 'open' as const },
});

test('a plan is refused by its age, its registry and its policy as apply refuses it', () => {
  const { hash, ...older } = policy;
  const { plan: _, ...without } = planned(1);
  const why = {
    young: whyNotApplied(planned(1), about),
    'without a plan': whyNotApplied(without, about),
    old: whyNotApplied(planned(50), about),
    'of another registry': whyNotApplied(planned(1), { ...about, hosts: ['fabrikam.azurecr.io'] }),
    'by the same policy': whyNotApplied(planned(1), { ...about, configured: hash }),
    'by another policy': whyNotApplied(planned(1), { ...about, configured: 'another' }),
    'by a policy that was changed': whyNotApplied({ ...planned(1), policy: { ...older, hash: 'changed' } }, about),
  };
  expect(why).toEqual({
    young: undefined,
    'without a plan': undefined,
    old: expect.stringContaining('is 50 hours old, and may be 24 (PLAN_MAX_AGE)') as string,
    'of another registry': expect.stringContaining('not for fabrikam.azurecr.io') as string,
    'by the same policy': undefined,
    'by another policy': expect.stringContaining('by another policy than the one that is configured now') as string,
    'by a policy that was changed': expect.stringContaining('was changed since') as string,
  });
});
