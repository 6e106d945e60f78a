import { createHash } from 'node:crypto';
import {
  attestation,
  cosignSignature,
  cosignTag,
  image as imageOf,
  index,
  referrer,
  report,
  type Built,
} from './manifests.ts';
import { findingsReport, packageList, REPORT_TYPES, type SampleFindings } from './sample-reports.ts';
import type { Attributes, ManifestState, RegistryState, RepositoryState, TagState } from './types.ts';

const day = 86_400;
const hour = 3_600;

/**
 * A registry as a team of a few services has it after a year without a retention policy. The same every time: ages
 * and digests follow from names.
 */
export function sampleRegistry(): RegistryState {
  return {
    aspnet: aspnet(),
    'base/dotnet': baseDotnet(),
    'microtodo-frontendapi': microtodo(),
    payments: payments(),
    'shop/api': shopApi(),
    'shop/web': shopWeb(),
    'tools/load-test': loadTest(),
  };
}

/**
 * The image of the talk beside its chiseled one, and what was built before them: every month the tag moves on, and findings
 * stay behind in what has no tag any more.
 */
function aspnet(): RepositoryState {
  const all = new Draft('aspnet');
  const builds = [
    { month: 6, findings: { critical: 4, high: 11, medium: 19, low: 6, fixed: 15 } },
    { month: 5, findings: { critical: 3, high: 9, medium: 17, low: 6, fixed: 12 } },
    { month: 4, findings: { critical: 2, high: 8, medium: 15, low: 5, fixed: 9 } },
    { month: 3, findings: { critical: 1, high: 6, medium: 14, low: 5, fixed: 6 } },
    { month: 2, findings: { high: 4, medium: 12, low: 5, fixed: 2 } },
  ];
  for (const { month, findings } of builds) {
    const age = (month - 1) * 30 * day + 4 * day;
    all.scanned(all.add(image(`aspnet/8.0/${month}`), age), age, findings);
  }
  const full = all.add(image('aspnet/8.0'), 4 * day, ['8.0']);
  all.scanned(full, 4 * day, { high: 3 });
  all.packages(full, 4 * day, 94);
  const chiseled = all.add(image('aspnet/8.0-jammy-chiseled', { layers: 2 }), 4 * day, ['8.0-jammy-chiseled']);
  all.scanned(chiseled, 4 * day, {});
  all.packages(chiseled, 4 * day, 9);
  return all.state();
}

/** Base images, rebuilt every month for two platforms; the last build takes the tag, the others are left untagged. */
function baseDotnet(): RepositoryState {
  const all = new Draft('base/dotnet');
  for (let month = 6; month >= 1; month--) {
    const age = (month - 1) * 30 * day + 4 * day;
    const isLast = month === 1;
    all.multiArch(`8.0/${month}`, age, [`8.0.${22 - month}`, ...(isLast ? ['8.0'] : [])]);
    all.multiArch(`8.0-chiseled/${month}`, age, isLast ? ['8.0-chiseled'] : []);
    // BuildKit's default: every build brings its provenance along, as a child of the index.
    all.multiArch(`9.0/${month}`, age, isLast ? ['9.0', 'latest'] : [], { attested: true });
  }
  for (const name of ['dev-net8', 'dev-net8-chiseled']) all.rebuilt(name, [70, 41, 12, 3]);
  return all.state();
}

/** A service with releases, signatures and bills of materials, branches, pull requests and a busy pipeline. */
function shopApi(): RepositoryState {
  const all = new Draft('shop/api');
  const releases = { '1.3.0': 300, '1.3.1': 240, '1.4.0': 160, '1.4.1': 75, '1.4.2': 20 };
  for (const [version, days] of Object.entries(releases)) {
    const isLast = version === '1.4.2';
    const release = all.multiArch(version, days * day, [version, ...(isLast ? ['1.4', 'latest'] : [])]);
    all.add(referrer(release, 'application/vnd.cncf.notary.signature', `shop/api/${version}/signature`), days * day);
    all.packages(release, days * day, 112);
  }
  all.rebuilt('feature-1', [231, 228, 220]);
  all.rebuilt('Feature-12', [96, 95, 92]);
  all.rebuilt('feature-204', [15, 13, 11]);
  all.rebuilt('feature-219', [2, 1, 0]);
  for (let number = 498; number <= 512; number += 2) {
    const pullRequest = all.add(image(`shop/api/pr-${number}`), (520 - number) * 3 * day, [`pr-${number}`]);
    if (number === 498) all.packages(pullRequest, 66 * day, 113);
  }
  for (let build = 8801; build <= 8812; build++) {
    all.add(image(`shop/api/ci-${build}`), (8812 - build) * 2 * day, [`ci-${build}`]);
  }
  all.strays([2 * hour, 9 * hour, 3 * day, 33 * day, 120 * day, 364 * day]);
  return all.state();
}

/** Older tooling: Docker manifests and lists, and cosign signatures under tags. */
function shopWeb(): RepositoryState {
  const all = new Draft('shop/web');
  const releases = { '2.0.0': 190, '2.1.0': 82, '2.1.1': 31 };
  for (const [version, days] of Object.entries(releases)) {
    const isLast = version === '2.1.1';
    const release = all.multiArch(version, days * day, [version, ...(isLast ? ['latest'] : [])], { docker: true });
    if (isLast) all.add(cosignSignature(release), days * day, [cosignTag(release)]);
  }
  for (let number = 371; number <= 381; number += 2) {
    const age = (383 - number) * 8 * day;
    const pullRequest = all.add(image(`shop/web/pr-${number}`, { docker: true }), age, [`pr-${number}`]);
    // Deleted with the image that it signs.
    if (number === 377) all.add(cosignSignature(pullRequest), age, [cosignTag(pullRequest)]);
  }
  all.rebuilt('feature-77', [140, 139], { docker: true });
  all.rebuilt('feature-90', [8, 6], { docker: true });
  all.rebuilt('dev', [50, 20, 5, 0], { docker: true });
  all.strays([5 * hour, 60 * day, 200 * day]);
  return all.state();
}

/** A service under audit: what ran in production is locked. */
function payments(): RepositoryState {
  const all = new Draft('payments');
  const audited = { deleteEnabled: false, writeEnabled: false };
  const releases = { '3.0.0': 340, '3.1.0': 210, '3.2.0': 88, '3.2.1': 14 };
  for (const [version, days] of Object.entries(releases)) {
    const isLast = version === '3.2.1';
    all.multiArch(version, days * day, [version, ...(isLast ? ['prod', 'latest'] : [])], {
      ...(version === '3.0.0' || version === '3.1.0' ? { locked: audited } : {}),
    });
  }
  // Its tag has moved on; the lock alone keeps it.
  all.add(image('payments/2.9.4'), 362 * day, [], { deleteEnabled: false });
  all.add(image('payments/hotfix-3.2.1'), 15 * day, ['hotfix-3.2.1']);
  all.rebuilt('staging', [45, 30, 9, 1]);
  all.rebuilt('feature-31', [120, 118]);
  all.strays([7 * hour, 47 * day]);
  return all.state();
}

/** A small service whose pipeline tags everything and removes nothing. */
function microtodo(): RepositoryState {
  const all = new Draft('microtodo-frontendapi');
  for (const [tag, days] of Object.entries({ '0.9.0': 250, '1.0.0': 130, '1.0.1': 40 })) {
    all.add(image(`microtodo/${tag}`), days * day, [tag, ...(tag === '1.0.1' ? ['latest'] : [])]);
  }
  for (const [number, days] of Object.entries({ 1: 180, 2: 171, 7: 110, 12: 64, 15: 28, 18: 6, 19: 0.5 })) {
    all.add(image(`microtodo/feature-${number}`), days * day, [`feature-${number}`]);
  }
  for (let number = 40; number <= 49; number++) {
    const age = (50 - number) * 9 * day;
    const pullRequest = all.add(image(`microtodo/pr-${number}`), age, [`pr-${number}`]);
    // Its pipeline scans what it builds since a while.
    if (number >= 42) all.scanned(pullRequest, age, { critical: number < 46 ? 1 : 0, high: 2, medium: 7, fixed: 3 });
  }
  all.rebuilt('dev-net8', [25, 16, 2]);
  return all.state();
}

/** Not used for half a year. */
function loadTest(): RepositoryState {
  const all = new Draft('tools/load-test');
  for (const [tag, days] of Object.entries({ 'dev-k6': 280, 'dev-k6-browser': 262, 'dev-locust': 199 })) {
    all.add(image(`tools/load-test/${tag}`), days * day, [tag]);
  }
  return all.state();
}

/** A repository while it is written down. */
class Draft {
  readonly #manifests: ManifestState[] = [];
  readonly #tags: TagState[] = [];
  readonly #blobs: string[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** Adds a manifest with its tags, all of about one age. */
  add<T extends Built>(built: T, age: number, tags: readonly string[] = [], locked?: Attributes): T {
    const lock = locked === undefined ? {} : { locked };
    const pushed = age + spread(built.digest);
    this.#manifests.push({ body: built.body, age: pushed, ...lock });
    for (const name of tags) this.#tags.push({ name, digest: built.digest, age: pushed, ...lock });
    return built;
  }

  /** Adds an image for two platforms and the index over them; a lock is on the index and its tags, as `az` sets it. */
  multiArch(
    id: string,
    age: number,
    tags: readonly string[],
    options: { docker?: boolean; attested?: boolean; locked?: Attributes } = {},
  ): Built {
    const { docker = false, attested = false, locked } = options;
    const images = ['amd64', 'arm64'].map((architecture) => ({
      ...image(`${this.#name}/${id}/${architecture}`, { docker }),
      architecture,
      os: 'linux',
    }));
    const attestations = attested ? images.map((one) => attestation(one, `${one.digest}/attestation`)) : [];
    for (const child of [...images, ...attestations]) this.add(child, age);
    return this.add(index([...images, ...attestations], { docker }), age, tags, locked);
  }

  /** Adds one image for each of these ages in days; the tag is on the last, as it is after a rebuild. */
  rebuilt(tag: string, days: readonly number[], options: { docker?: boolean } = {}): void {
    days.forEach((age, build) =>
      this.add(image(`${this.#name}/${tag}/${build}`, options), age * day, build === days.length - 1 ? [tag] : []),
    );
  }

  /** Attaches the report of a scanner to an image. */
  scanned(subject: Built, age: number, findings: SampleFindings): void {
    this.#attach(subject, age, REPORT_TYPES.findings, findingsReport(`${this.#name}@${subject.digest}`, findings));
  }

  /** Attaches a list of so many packages to an image. */
  packages(subject: Built, age: number, count: number): void {
    this.#attach(subject, age, REPORT_TYPES.packages, packageList(`${this.#name}@${subject.digest}`, count));
  }

  #attach(subject: Built, age: number, type: string, text: string): void {
    this.#blobs.push(text);
    // After the image, whose age is up to an hour more.
    this.add(report(subject, type, text), Math.max(0, age - hour));
  }

  state(): RepositoryState {
    const blobs = this.#blobs.length > 0 && { blobs: this.#blobs };
    return { manifests: this.#manifests, tags: this.#tags, ...blobs };
  }

  /** Adds images nothing points at. */
  strays(ages: readonly number[]): void {
    for (const age of ages) this.add(image(`${this.#name}/stray/${age}`), age);
  }
}

/** Up to an hour, so that ages are no round numbers. */
function spread(id: string): number {
  return (createHash('sha256').update(id).digest().readUInt16BE() / 65_536) * hour;
}

/** An image of the sample: those of one team share their first layer, which is of the image that they are built from. */
function image(id: string, options: { docker?: boolean; layers?: number } = {}): Built {
  return imageOf(id, { ...options, base: `${id.slice(0, id.indexOf('/'))}/base` });
}
