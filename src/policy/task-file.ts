import { parseDocument } from 'yaml';
import * as z from 'zod';
import { attempts, InvalidPolicy, PolicyError } from './errors.ts';
import { parsePurgeCommand, type PurgeCommand } from './purge-command.ts';

const SETTING = 'ACR_TASK_FILE';

/** The longest time that an ACR Task may take, in seconds. */
const LONGEST_TIMEOUT = 28_800;

/** Properties of an ACR Task that change nothing about what a purge does. After a failure the rest is done in any case. */
const WITHOUT_EFFECT = Object.fromEntries(
  (
    'id when keep detach retries retryDelay retryOnErrors ignoreErrors env workingDirectory ' +
    'disableWorkingDirectoryOverride version totalTimeout networks secrets'
  )
    .split(' ')
    .map((name) => [name, z.unknown().optional()]),
);

const SECONDS = z
  .union([z.number(), z.string().transform(Number)])
  .pipe(z.int().min(1).max(LONGEST_TIMEOUT))
  .nullish();

const TASK = z.strictObject({ ...WITHOUT_EFFECT, steps: z.array(z.unknown()).min(1), stepTimeout: SECONDS });
const STEP = z.strictObject({ ...WITHOUT_EFFECT, cmd: z.string(), timeout: SECONDS });

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
  const yaml = readYaml(text);
  const task = TASK.safeParse(yaml);
  const steps = stepsIn(yaml);
  if (steps.length === 0) throw wrong('has no steps; an ACR Task begins with "steps:" and "- cmd: acr purge …"');
  const { problems, attempt } = attempts();
  for (const one of mistakesIn(task.error, yaml, 'the task')) problems.push(one);
  const read = steps.map((step, index) => {
    const where = `step ${index + 1}`;
    const { data, error } = STEP.safeParse(step);
    for (const one of mistakesIn(error, step, where)) problems.push(one);
    const cmd = isObject(step) && typeof step['cmd'] === 'string' ? step['cmd'] : undefined;
    const command = cmd === undefined ? undefined : attempt(() => parsePurgeCommand(cmd.trim()), where);
    return { command, timeout: data?.timeout };
  });
  if (problems.length > 0) throw new InvalidPolicy(problems);
  const timeouts = read.map(({ timeout }) => timeout ?? task.data?.stepTimeout ?? Number.NaN);
  const seconds = timeouts.reduce((sum, one) => sum + one);
  return {
    commands: read.flatMap(({ command }) => command ?? []),
    timeLimitSeconds: Number.isNaN(seconds) ? undefined : seconds,
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

function stepsIn(yaml: unknown): readonly unknown[] {
  const steps = isObject(yaml) ? yaml['steps'] : undefined;
  return Array.isArray(steps) ? steps : [];
}

/** What is wrong with the task or one of its steps. */
function mistakesIn(error: z.ZodError | undefined, value: unknown, where: string): readonly PolicyError[] {
  const issues = error?.issues ?? [];
  const properties = isObject(value) ? value : {};
  if (issues.some(({ code, path }) => path[0] === 'cmd' || (path.length === 0 && code !== 'unrecognized_keys'))) {
    const [kind] = Object.keys(properties);
    return [new PolicyError(SETTING, kind, 'only steps with "cmd: acr purge …" are supported here').at(where)];
  }
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((name) =>
        new PolicyError(SETTING, name, 'is not supported; a purge needs cmd and timeout').at(where),
      );
    const name = String(issue.path[0]);
    const text = JSON.stringify(properties[name]);
    return [
      new PolicyError(SETTING, text, `${name} of ${where} must be a whole number of seconds, 1 to ${LONGEST_TIMEOUT}`),
    ];
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(problem: string): InvalidPolicy {
  return new InvalidPolicy([new PolicyError(SETTING, undefined, problem)]);
}
