import { parseDocument } from 'yaml';
import { PolicyError, attempts, InvalidPolicy } from './errors.ts';
import { parsePurgeCommand, type PurgeCommand } from './purge-command.ts';

const SETTING = 'ACR_TASK_FILE';

/** Properties of an ACR Task that change nothing about what a purge does. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'id',
  'when',
  'keep',
  'detach',
  'retries',
  'retryDelay',
  'retryOnErrors',
  // After a failure the rest is done here in any case.
  'ignoreErrors',
  'env',
  'workingDirectory',
  'disableWorkingDirectoryOverride',
  'version',
  'totalTimeout',
  'networks',
  'secrets',
]);

/** The longest time that an ACR Task may take, in seconds. */
const LONGEST_TIMEOUT = 28_800;

export interface TaskFile {
  readonly commands: readonly PurgeCommand[];
  /** The timeouts of its steps together, in seconds; `undefined` where a step has none. */
  readonly timeLimitSeconds: number | undefined;
}

/**
 * Reads the YAML of an ACR Task whose steps are purges.
 * https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml
 *
 * Refuses by name a step that is no purge, and a property that would change what a step does.
 *
 * @throws {InvalidPolicy} with every mistake
 */
export function parseTaskFile(text: string): TaskFile {
  const task = readYaml(text);
  if (!isObject(task) || !Array.isArray(task['steps']) || task['steps'].length === 0)
    throw wrong('has no steps; an ACR Task begins with "steps:" and "- cmd: acr purge …"');
  const gathered = attempts();
  const { problems } = gathered;
  for (const one of unknownProperties(task, ['steps', 'stepTimeout'], 'the task')) problems.push(one);
  const standard = readTimeout(task['stepTimeout'], 'stepTimeout', problems);
  const steps = task['steps'].map((step: unknown, index) => readStep(step, `step ${index + 1}`, standard, gathered));
  if (problems.length > 0) throw new InvalidPolicy(problems);
  const timeouts = steps.map(({ timeout }) => timeout);
  return {
    commands: steps.flatMap(({ command }) => (command ? [command] : [])),
    timeLimitSeconds: timeouts.reduce(
      (sum, one) => (sum === undefined || one === undefined ? undefined : sum + one),
      0,
    ),
  };
}

function readYaml(text: string): unknown {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw wrong(`is no YAML: ${error.message.split('\n')[0] ?? ''}`);
  try {
    return document.toJS();
  } catch (cause) {
    // An alias of nothing, or of too much.
    throw wrong(`is no YAML: ${(cause as Error).message}`);
  }
}

interface Step {
  readonly command: PurgeCommand | undefined;
  readonly timeout: number | undefined;
}

function readStep(
  step: unknown,
  where: string,
  standard: number | undefined,
  { problems, attempt }: ReturnType<typeof attempts>,
): Step {
  if (!isObject(step) || !hasCommand(step)) {
    const kind = isObject(step) ? Object.keys(step)[0] : undefined;
    problems.push(new PolicyError(SETTING, kind, 'only steps with "cmd: acr purge …" are supported here').at(where));
    return { command: undefined, timeout: undefined };
  }
  for (const one of unknownProperties(step, ['cmd', 'timeout'], where)) problems.push(one);
  const timeout = readTimeout(step['timeout'], `timeout of ${where}`, problems) ?? standard;
  const { cmd } = step;
  return { command: attempt(() => parsePurgeCommand(cmd.trim()), where), timeout };
}

function unknownProperties(
  object: Readonly<Record<string, unknown>>,
  known: readonly string[],
  where: string,
): readonly PolicyError[] {
  return Object.keys(object)
    .filter((name) => !known.includes(name) && !WITHOUT_EFFECT.has(name))
    .map((name) => new PolicyError(SETTING, name, 'is not supported; a purge needs cmd and timeout').at(where));
}

function readTimeout(value: unknown, name: string, problems: PolicyError[]): number | undefined {
  if (value === undefined || value === null) return undefined;
  const seconds = typeof value === 'string' ? Number(value) : value;
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds > 0 && seconds <= LONGEST_TIMEOUT)
    return seconds;
  problems.push(
    new PolicyError(
      SETTING,
      JSON.stringify(value),
      `${name} must be a whole number of seconds, 1 to ${LONGEST_TIMEOUT}`,
    ),
  );
  return undefined;
}

function hasCommand(
  step: Readonly<Record<string, unknown>>,
): step is Readonly<Record<string, unknown>> & { cmd: string } {
  return typeof step['cmd'] === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(problem: string): InvalidPolicy {
  return new InvalidPolicy([new PolicyError(SETTING, undefined, problem)]);
}
