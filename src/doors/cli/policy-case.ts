import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { newEmulator } from '../../dev/emulator/emulator.ts';
import { InProcess } from '../../dev/emulator/in-process.ts';
import { type Difference, differences, type Got } from '../../dev/policy-case/compare.ts';
import { type Contents, contentsOf } from '../../dev/policy-case/contents.ts';
import { type ExpectFile, readExpect } from '../../dev/policy-case/expect-file.ts';
import { readRegistry } from '../../dev/policy-case/registry-file.ts';
import { attempts, InvalidPolicy } from '../../policy/errors.ts';
import { Reader } from '../../policy/file/reader.ts';
import { readYaml } from '../../policy/file/yaml.ts';
import { createPolicy, type PolicyFile } from '../../policy/purge-policy.ts';
import { pullWindowsOf, rulesOnFindings } from '../../policy/rules.ts';
import { readPolicyFile, readText } from './policy-file.ts';
import {
  DELETE_REASONS,
  type Decision,
  KEEP_REASONS,
  memoryLedger,
  openRegistry,
  purge,
  type RunOptions,
} from '../../index.ts';

/*
 * One case of `policy test`: a registry, a policy, and what is expected of the two.
 */

const REGISTRY = 'registry.yaml';
const EXPECT = 'expect.yaml';
const POLICY = 'policy.yaml';

export interface Case {
  readonly name: string;
  readonly policy: PolicyFile;
  readonly now: Date;
  readonly contents: Contents;
  readonly expect: ExpectFile;
}

export interface CaseResult {
  readonly name: string;
  readonly policy: string;
  readonly passed: boolean;
  readonly kept: number;
  readonly deleted: number;
  readonly differences: readonly Difference[];
  /** What could not be planned, or not be deleted. */
  readonly problems: readonly string[];
}

/**
 * Reads a case.
 * @param fallback the policy file where the case has none
 * @throws {InvalidPolicy} with every mistake in its files, each with line and column
 */
export function readCase(folder: string, name: string, fallback: string | undefined): Case {
  const { problems, attempt } = attempts();
  const readerOf = (file: string): Reader | undefined =>
    attempt(() => {
      const path = join(folder, file);
      return new Reader(readYaml(readText(path, file), path), path, 'the case');
    });
  const registryReader = readerOf(REGISTRY);
  const registry = registryReader && readRegistry(registryReader);
  const isSound = registryReader !== undefined && attempt(() => (registryReader.end(), true)) === true;
  const contents = registry && isSound ? contentsOf(registry) : undefined;
  const expectReader = readerOf(EXPECT);
  const expect = expectReader && readExpect(expectReader, contents?.items, REASONS);
  const own = join(folder, POLICY);
  const hasOwn = existsSync(own);
  if (expect?.policy !== undefined && hasOwn)
    expectReader?.problem(['policy'], `there is a ${POLICY} beside it; leave one of them away`);
  const policyFile = expect?.policy !== undefined ? join(folder, expect.policy) : hasOwn ? own : fallback;
  if (policyFile === undefined)
    expectReader?.problem([], `there is no policy; write policy: and its path, add ${POLICY}, or give --policy`);
  attempt(() => expectReader?.end());
  const policy = policyFile === undefined ? undefined : attempt(() => readPolicyFile(policyFile, 'policy'));
  if (problems.length > 0 || !policy || !registry || !contents || !expect) throw new InvalidPolicy(problems);
  return { name, policy, now: registry.now, contents, expect };
}

const REASONS = { keep: KEEP_REASONS, delete: DELETE_REASONS };
const USER = { username: 'case', password: 'case' } as const;
const HOST = 'case.test';

/** Runs a case: a purge of a registry in memory, over the same client and with the same steps as any other. */
export async function runCase({ name, policy, now, contents, expect }: Case): Promise<CaseResult> {
  const times = { start: now, now: () => now.getTime() };
  const { answers } = newEmulator({ repositories: contents.state, basic: USER, ...times }, () => HOST);
  const endpoint = new URL(`https://${HOST}`);
  const registry = await openRegistry({ endpoint, concurrency: 8, dispatcher: new InProcess(answers), ...USER });
  const got = new Map<string, Got>();
  const problems: string[] = [];
  const summary = await purge(registry, {
    policies: [createPolicy({ file: policy })],
    now,
    // What is known of a registry from earlier runs is about another case, so each has a ledger of its own.
    ledger: memoryLedger(now),
    ...askedOf(policy, contents, now),
    onDecisions: (decisions) => {
      for (const decision of decisions) {
        if (decision.action === 'restore') continue;
        const { repository, action, reason, detail, rule } = decision;
        got.set(`${repository} ${keyOf(decision)}`, { action, reason, detail, ...(rule !== undefined && { rule }) });
        // Where the policy has a quarantine, that is the first step of a deletion.
        const isDone = action === 'keep' || ['deleted', 'already-gone', 'quarantined'].includes(decision.outcome);
        if (!isDone)
          problems.push(`${repository}${keyOf(decision)} was to be deleted, and was not: ${decision.outcome}`);
      }
    },
  });
  for (const { repository, error } of summary.repositories) if (error) problems.push(`${repository}: ${error.message}`);
  const found = differences(contents, expect, got);
  const deleted = contents.items.filter(
    ({ isNamed, repository, key }) => isNamed && got.get(`${repository} ${key}`)?.action === 'delete',
  ).length;
  return {
    name,
    policy: policy.name,
    passed: found.length === 0 && problems.length === 0,
    kept: contents.items.filter(({ isNamed }) => isNamed).length - deleted,
    deleted,
    differences: found,
    problems,
  };
}

/** What is asked besides the registry: each source knows everything that the case says, and that there is nothing else. */
function askedOf(policy: PolicyFile, contents: Contents, now: Date): Pick<RunOptions, 'evidence' | 'findings'> {
  const pulls = pullsOf(policy, contents, now);
  const isAsked = rulesOnFindings([policy]).length > 0;
  const sources = isAsked || contents.used.length > 0 ? [usesOf(contents, now)] : [];
  return {
    ...((pulls ?? sources.length > 0) && { evidence: { sources, rememberMilliseconds: 0, ...(pulls && { pulls }) } }),
    ...(isAsked && { findings: { sources: [foundOf(contents, now)] } }),
  };
}

/** What has no `in-use` is used by nothing. */
function usesOf({ used }: Contents, now: Date): NonNullable<RunOptions['evidence']>['sources'][number] {
  const about = { source: REGISTRY, observedAt: now.toISOString(), scope: REGISTRY, complete: true, problems: [] };
  const facts = used.map((use) => ({ ...use, where: 'in-use' }));
  return { name: REGISTRY, read: () => Promise.resolve({ ...about, facts }) };
}

/** What has no `findings` was not scanned. */
function foundOf({ found }: Contents, now: Date): NonNullable<RunOptions['findings']>['sources'][number] {
  const about = { observedAt: now.toISOString(), complete: true, problems: [] };
  const images = Array.from(
    found,
    ([digest, { scan, ...more }]) =>
      [digest, { ...more, ...(scan && { scan: { by: 'sarif' as const, ids: [], ...scan } }) }] as const,
  );
  return { source: 'referrers', read: () => Promise.resolve({ ...about, images: new Map(images) }) };
}

/** A log that knows of every pull. What has no `pulled` was never pulled. */
function pullsOf(
  { retention }: PolicyFile,
  { pulls }: Contents,
  now: Date,
): NonNullable<RunOptions['evidence']>['pulls'] {
  const byRules = pullWindowsOf([{ retention }]);
  if (!byRules) return undefined;
  const at = now.toISOString();
  const covers = { since: new Date(0).toISOString(), until: at };
  const about = { source: REGISTRY, observedAt: at, complete: true, problems: [], covers, lastEvent: at };
  const source = { name: about.source, read: () => Promise.resolve({ ...about, pulls }) };
  return { source, withinMilliseconds: 0, within: '', byRules, ignored: [] };
}

function keyOf({ kind, tag = '', digest = '' }: Decision): string {
  return kind === 'tag' ? `:${tag}` : `@${digest}`;
}
