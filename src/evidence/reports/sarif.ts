import { z } from 'zod';
import { anything, DamagedReport, listOf, MOST_ENTRIES, parse, timeOf } from './fields.ts';
import type { Said } from './report.ts';
import { idOf, newTally, severityOfScore } from './tally.ts';

const Properties = z.object({ 'security-severity': anything, tags: anything }).optional().catch(undefined);
const Words = z.object({ text: anything }).optional().catch(undefined);
const Rule = z.object({ id: anything, properties: Properties, help: Words });
const Rules = listOf(Rule).optional();

const Result = z.object({
  ruleId: anything,
  ruleIndex: anything,
  rule: z.object({ id: anything, index: anything }).optional().catch(undefined),
  kind: anything,
  baselineState: anything,
  message: Words,
  properties: Properties,
  suppressions: z
    .array(z.object({ status: anything }))
    .nullish()
    .catch(undefined),
});

const Invocation = z.object({ executionSuccessful: anything, startTimeUtc: anything, endTimeUtc: anything });

const Run = z.object({
  tool: z.object({
    driver: z.object({ name: anything, rules: Rules }),
    extensions: listOf(z.object({ rules: Rules })).optional(),
  }),
  invocations: z.array(Invocation).nullish().catch(undefined),
  /** `null`: the tool did not look (SARIF 2.1.0, "results property"). */
  results: z.union([z.null(), listOf(Result)]).optional(),
});

const Document = z.object({ runs: listOf(Run) });

export function isSarif({ version, runs }: Readonly<Record<string, unknown>>): boolean {
  return typeof version === 'string' && version.startsWith('2.1') && Array.isArray(runs);
}

/** Kinds of results that are no finding (SARIF 2.1.0, "kind property"). The default is `fail`. */
const NO_FINDINGS: ReadonlySet<unknown> = new Set(['pass', 'notApplicable', 'informational']);

/** Trivy says in a tag of each rule what it is. */
const OTHER_TAGS: ReadonlySet<unknown> = new Set(['misconfiguration', 'secret', 'license']);

/** Tools that look for vulnerabilities in images: a report of theirs without a result is one of a scan that found none. */
const SCANNERS = /\b(?:grype|trivy|snyk|docker scout|anchore|clair|defender)\b/i;

/**
 * A finding is a result about a vulnerability: grype and Trivy write one for each match. Its severity is that of the score
 * `security-severity`, of the result or else of its rule, as GitHub reads it. A tool writes the score of a vulnerability
 * there where it knows one, so that the sums may differ from its table, which goes by the rating of a distribution.
 */
export function readSarif(document: unknown): Said {
  const { runs } = parse(Document, document);
  const tally = newTally();
  const times: string[] = [];
  let isScan = false;
  for (const { tool, invocations, results } of runs) {
    if (invocations?.some(({ executionSuccessful }) => executionSuccessful === false))
      throw new DamagedReport('the tool says that it failed');
    if (!results) continue;
    const rules = [...(tool.driver.rules ?? []), ...(tool.extensions ?? []).flatMap((one) => one.rules ?? [])];
    const byId = new Map(rules.map((rule) => [rule.id, rule]));
    const found = results.map((result) => ({ result, rule: ruleOf(result, byId, rules) })).filter(isVulnerability);
    isScan ||= found.length > 0 || (results.length === 0 && SCANNERS.test(String(tool.driver.name)));
    for (const one of found) if (isOpen(one.result)) add(one);
    if (tally.size() > MOST_ENTRIES) throw new DamagedReport(`it names more than ${MOST_ENTRIES} vulnerabilities`);
    for (const { startTimeUtc, endTimeUtc } of invocations ?? []) {
      const at = timeOf(endTimeUtc) ?? timeOf(startTimeUtc);
      if (at !== undefined) times.push(at);
    }
  }
  const at = times.sort().at(-1);
  return isScan ? { scan: { by: 'sarif', ...(at !== undefined && { at }), ...tally.counted() } } : {};

  function add({ result, rule }: Found): void {
    const own = severityOfScore(result.properties?.['security-severity']);
    const severity = own === 'unknown' ? severityOfScore(rule?.properties?.['security-severity']) : own;
    const id = result.ruleId ?? result.rule?.id ?? rule?.id;
    tally.add(severity, { fixable: hasFix(result.message?.text) ?? hasFix(rule?.help?.text) ?? false, id });
  }
}

interface Found {
  readonly result: z.infer<typeof Result>;
  readonly rule: z.infer<typeof Rule> | undefined;
}

/** By its id: some tools have every result refer to the first rule by its place. */
function ruleOf(
  { ruleId, ruleIndex, rule }: z.infer<typeof Result>,
  byId: ReadonlyMap<unknown, z.infer<typeof Rule>>,
  rules: readonly z.infer<typeof Rule>[],
): z.infer<typeof Rule> | undefined {
  const known = byId.get(ruleId ?? rule?.id);
  if (known && (ruleId ?? rule?.id) !== undefined) return known;
  const place = rule?.index ?? ruleIndex;
  return typeof place === 'number' ? rules[place] : undefined;
}

/** A report may also be one of a linter: what has no score, no tag and no name of a vulnerability is none. */
function isVulnerability({ result, rule }: Found): boolean {
  const tags = [result.properties?.tags, rule?.properties?.tags].flatMap((some) =>
    Array.isArray(some) ? (some as unknown[]) : [],
  );
  if (tags.some((tag) => OTHER_TAGS.has(tag))) return false;
  if (tags.some((tag) => tag === 'security' || tag === 'vulnerability')) return true;
  if ([result, rule].some((one) => one?.properties?.['security-severity'] !== undefined)) return true;
  return /^(?:CVE|GHSA)-/i.test(idOf(result.ruleId ?? result.rule?.id ?? rule?.id) ?? '');
}

/** Neither dismissed by a person (a suppression counts once it is accepted) nor gone since the report before. */
function isOpen({ kind, baselineState, suppressions }: z.infer<typeof Result>): boolean {
  if (NO_FINDINGS.has(kind) || baselineState === 'absent') return false;
  if (!suppressions || suppressions.length === 0) return true;
  return suppressions.some(({ status }) => status === 'underReview' || status === 'rejected');
}

/** Whether a text names a version with a fix, as grype and Trivy write it; `undefined` where it does not say. */
function hasFix(words: unknown): boolean | undefined {
  const [, version] = typeof words === 'string' ? (/^Fix(?:ed)? Version:[ \t]*(.*)$/m.exec(words) ?? []) : [];
  return version === undefined ? undefined : version.trim() !== '';
}
