import type { Faults } from '../../../src/dev/emulator/index.ts';
import { repositoryNames, type Shape, sizeOf } from './data.ts';
import type { Measured } from './measure.ts';

/** What was published of `acr purge`, measured on another machine. */
export interface Published {
  readonly calls?: number;
  readonly deletes?: number;
  readonly wallSeconds?: number;
  readonly peakMegabytes?: number | undefined;
  /** Where it came to no good end. */
  readonly instead?: string;
}

/** Something that a measurement should be, as it is shown, and whether it is. */
export interface Target {
  readonly text: string;
  /** `undefined`: there is nothing to compare with. */
  readonly isMet: boolean | undefined;
}

export interface Case {
  readonly id: string;
  readonly title: string;
  readonly shape: Shape;
  readonly isLazy?: boolean;
  readonly isDryRun: boolean;
  readonly faults: Faults;
  readonly tokenLifeSeconds?: number;
  /** Whether the same is done again with the record of the first time at hand. */
  readonly isRepeated?: boolean;
  /** Whether `acr purge` is measured, too. */
  readonly isCompared: boolean;
  /** How long `acr purge` may take. */
  readonly timeoutSeconds: number;
  /** Repositories that cannot be purged, and have to be named. */
  readonly denied: readonly string[];
  readonly published?: Published;
  readonly targets: (own: Measured, to: Compared) => readonly Target[];
}

/** What a measurement is held against. */
interface Compared {
  /** `acr purge` doing the same, measured or published. */
  readonly acr: Published | undefined;
  /** Another measurement of the same program. */
  readonly find: (id: string) => Measured | undefined;
}

const noTargets = (): readonly Target[] => [];
const defaults = { faults: {}, denied: [], timeoutSeconds: 1800, isCompared: true, targets: noTargets } as const;

/** Everything that is measured. `isQuick`: the same kinds of work, smaller, in about a minute. */
export function casesOf(isQuick: boolean): readonly Case[] {
  return [...many(isQuick), ...oneLarge(isQuick), ...manySmall(isQuick), throttled(isQuick), ...documented(isQuick), ...faulty(isQuick), shortTokens(isQuick), denied()]; // prettier-ignore
}

function many(isQuick: boolean): readonly Case[] {
  const repositories = isQuick ? 6 : 60;
  const work = { ...defaults, shape: { repositories, images: 300 }, faults: { latencyMs: 20 } };
  const title = `${repositories} repositories × 300 tags, 20 ms`;
  return [
    {
      ...work,
      id: 'dry-run',
      title: `dry run, ${title}`,
      isDryRun: true,
      isRepeated: true,
      ...(!isQuick && { published: { calls: 12_673, deletes: 0, wallSeconds: 16.2, peakMegabytes: 17 } }),
      targets: (own, { acr }) =>
        own.program === 'again'
          ? [ratio('calls', own.calls, acr?.calls, 0.1), ratio('wall', own.wallSeconds, acr?.wallSeconds, 0.15)]
          : [ratio('calls', own.calls, acr?.calls, 1), ratio('wall', own.wallSeconds, acr?.wallSeconds, 0.6)],
    },
    {
      ...work,
      id: 'purge',
      title: `deleting, ${title}`,
      isDryRun: false,
      ...(!isQuick && { published: { calls: 32_414, deletes: 19_740, wallSeconds: 37.2, peakMegabytes: 20 } }),
      targets: (own, { acr }) => [
        ratio('deletes', own.deletes, acr?.deletes, 0.65),
        ratio('wall', own.wallSeconds, acr?.wallSeconds, 0.5),
      ],
    },
  ];
}

/** A repository twice and four times as large: what takes longer than that does not scale. */
function oneLarge(isQuick: boolean): readonly Case[] {
  const one = (images: number, more: Partial<Case>): Case => ({
    ...defaults,
    id: `one-${images}`,
    title: `dry run, one repository, ${(images * 1.4).toLocaleString('en')} manifests, 5 ms`,
    shape: { repositories: 1, images },
    isDryRun: true,
    faults: { latencyMs: 5 },
    ...more,
  });
  const sizes = isQuick ? ([750, 1500, 3000] as const) : ([25_000, 50_000, 100_000] as const);
  const published = { calls: 66_614, deletes: 0, wallSeconds: 48.4, peakMegabytes: 176 };
  return [
    ...(isQuick
      ? []
      : [one(20_000, { isRepeated: true, published: { calls: 13_351, deletes: 0, wallSeconds: 10.6, peakMegabytes: 53 }, targets: likeAcr })]),
    one(sizes[0], { isCompared: false, targets: modest }),
    one(sizes[1], { isCompared: false, targets: modest }),
    one(sizes[2], { isRepeated: true, ...(!isQuick && { published }), targets: grown(`one-${sizes[0]}`) }),
  ]; // prettier-ignore
}

function manySmall(isQuick: boolean): readonly Case[] {
  const sizes = isQuick ? ([10, 20, 40] as const) : ([1250, 2500, 5000] as const);
  return sizes.map((repositories, n) => ({
    ...defaults,
    id: `many-${repositories}`,
    title: `dry run, ${repositories.toLocaleString('en')} repositories × 200 tags, 5 ms`,
    shape: { repositories, images: 200 },
    isLazy: true,
    isDryRun: true,
    faults: { latencyMs: 5 },
    isCompared: n === 2,
    targets: n === 2 ? grown(`many-${sizes[0]}`) : modest,
  }));
}

const deletesPerSecond = 20;

function throttled(isQuick: boolean): Case {
  const shape: Shape = isQuick ? { repositories: 2, images: 100 } : { repositories: 10, images: 98 };
  const { tagsGoing, manifestsGoing } = sizeOf(shape);
  return {
    ...defaults,
    id: 'throttled',
    title: `deleting ${(tagsGoing + manifestsGoing).toLocaleString('en')} artifacts, ${deletesPerSecond} deletes a second allowed`,
    shape,
    isDryRun: false,
    faults: { deletesPerSecond },
    ...(!isQuick && { published: { wallSeconds: 38.8, instead: 'exit 1, 328 left' } }),
    targets: ({ statuses, deletingSeconds = 0 }) => {
      const share = (statuses['202'] ?? 0) / (deletesPerSecond * deletingSeconds);
      const wasted = (statuses['429'] ?? 0) / (statuses['202'] ?? 1);
      return [
        { text: `${percent(share)} of the rate used (≥ 95 %)`, isMet: share >= 0.95 },
        { text: `${statuses['429'] ?? 0} calls refused (few)`, isMet: wasted <= 0.1 },
      ];
    },
  };
}

/** The limits of Premium, and a tenth of them; see `PREMIUM` in src/registry/throttle.ts. */
function documented(isQuick: boolean): readonly Case[] {
  const one = (part: number, repositories: number): Case => {
    const perMinute = { reads: 10_000 * part, referrers: 1_000 * part, deletes: 2_000 * part, writes: 2_000 * part };
    return {
      ...defaults,
      id: part === 1 ? 'premium' : 'tenth',
      title: `deleting, ${repositories} repositories × 300 tags, ${perMinute.deletes} deletes a minute allowed`,
      shape: { repositories, images: 300 },
      isDryRun: false,
      isCompared: false,
      faults: { perMinute: part === 1 ? perMinute : { deletes: perMinute.deletes } },
      targets: ({ statuses, deletingSeconds = 0 }) => {
        const deletes = statuses['202'] ?? 0;
        // A minute's worth is allowed at once.
        const needed = ((deletes - perMinute.deletes) / perMinute.deletes) * 60;
        const times = deletingSeconds / needed;
        const most = part === 1 ? 1.05 : 1.1;
        const text = `${deletingSeconds.toFixed(1)} s for what needs ${needed.toFixed(1)} s (≤ ${most}×), ${statuses['429'] ?? 0} calls refused`;
        return [{ text, isMet: times <= most }];
      },
    };
  };
  return isQuick ? [] : [one(1, 32), one(0.1, 4)];
}

function faulty(isQuick: boolean): readonly Case[] {
  const work = { ...defaults, shape: { repositories: isQuick ? 2 : 4, images: 300 }, isDryRun: false } as const;
  const endless: Published = { instead: 'does not end in 200 s' };
  const timeoutSeconds = isQuick ? 10 : 200;
  const title = `deleting, ${work.shape.repositories} repositories × 300 tags, 20 ms`;
  const within = (own: Measured, { find }: Compared): readonly Target[] => [
    ratio('wall', own.wallSeconds, find('clean')?.wallSeconds, 5, ' the clean run'),
  ];
  const one = (id: string, what: string, faults: Faults): Case => ({
    ...work, id, title: `the same, ${what}`, faults: { latencyMs: 20, seed: 53, ...faults }, timeoutSeconds, targets: within, published: endless,
  }); // prettier-ignore
  return [
    { ...work, id: 'clean', title, faults: { latencyMs: 20 } },
    ...(isQuick
      ? []
      : [one('errors', '5 % answered 503', { errorRate: 0.05 }), one('drops', '2 % dropped', { dropRate: 0.02 })]),
    one('faults', '5 % answered 503 and 2 % dropped', { errorRate: 0.05, dropRate: 0.02 }),
  ];
}

function shortTokens(isQuick: boolean): Case {
  const tokenLifeSeconds = isQuick ? 2 : 30;
  return {
    ...defaults,
    id: 'tokens',
    title: `deleting with tokens that live ${tokenLifeSeconds} s, one repository, ${isQuick ? '700' : '14,000'} manifests`,
    shape: { repositories: 1, images: isQuick ? 500 : 10_000 },
    isDryRun: false,
    tokenLifeSeconds,
    faults: { latencyMs: isQuick ? 150 : 250 },
    isCompared: false,
    targets: ({ wallSeconds }) => [
      { text: `${(wallSeconds / tokenLifeSeconds).toFixed(1)} lives of a token (> 1.5)`, isMet: wallSeconds > 1.5 * tokenLifeSeconds },
    ],
  }; // prettier-ignore
}

function denied(): Case {
  const shape = { repositories: 6, images: 50 };
  const [unauthorized = '', , , forbidden = ''] = repositoryNames(shape);
  return {
    ...defaults,
    id: 'denied',
    title: 'deleting, 6 repositories, one answers 401 and one 403',
    shape,
    isDryRun: false,
    faults: { unauthorizedRepositories: [unauthorized], forbiddenRepositories: [forbidden] },
    denied: [unauthorized, forbidden],
    isCompared: false,
  };
}

const mostMegabytes = 300;
/** In milliseconds: nothing else is done meanwhile, no lock renewed and no request answered. */
const longestStretch = 250;

function modest({ peakMegabytes, stretchMilliseconds }: Measured): readonly Target[] {
  const targets: Target[] = [];
  if (peakMegabytes !== undefined) {
    const isMet = peakMegabytes <= mostMegabytes;
    targets.push({ text: `memory ${Math.round(peakMegabytes)} MB (≤ ${mostMegabytes})`, isMet });
  }
  if (stretchMilliseconds !== undefined) {
    const isMet = stretchMilliseconds <= longestStretch;
    targets.push({ text: `longest stretch ${Math.round(stretchMilliseconds)} ms (≤ ${longestStretch})`, isMet });
  }
  return targets;
}

function likeAcr(own: Measured, { acr }: Compared): readonly Target[] {
  return [
    ratio('calls', own.calls, acr?.calls, 1),
    ratio('wall', own.wallSeconds, acr?.wallSeconds, 1),
    ...modest(own),
  ];
}

/** Four times the work of another case. Time that grows with n log n is taken for linear, with n² it is not. */
function grown(id: string): Case['targets'] {
  return (own, to) => {
    const growth = own.program === 'cold' ? [ratio('time', own.wallSeconds, to.find(id)?.wallSeconds, 5, ' a quarter of it')] : [];
    return [...likeAcr(own, to), ...growth];
  }; // prettier-ignore
}

function ratio(what: string, own: number, other: number | undefined, most: number, of = ''): Target {
  if (other === undefined || other === 0)
    return { text: `${what} (≤ ${most}×): nothing to compare with`, isMet: undefined };
  const times = own / other;
  return { text: `${what} ${times.toFixed(2)}×${of} (≤ ${most}×)`, isMet: times <= most };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
