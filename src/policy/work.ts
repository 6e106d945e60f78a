import { PolicyError } from './errors.ts';
import { parsePolicyFile } from './file/parse.ts';
import { shown } from './purge-command.ts';
import { createPolicy } from './purge-policy.ts';
import { withQuarantine } from './quarantine.ts';
import type { Setting, SettingValues } from './settings-schema.ts';
import { parseTaskFile, type TaskFile } from './task-file.ts';
import type { Texts } from './parse-settings.ts';

/*
 * What the app is to do, by the one setting that says so.
 */

const WORK = ['PURGE_COMMAND', 'ACR_TASK_FILE', 'RETENTION_POLICY_FILE', 'RETENTION_POLICY'] as const;

/**
 * @param readFile reads a file as text; throws where there is none
 * @returns nothing where PURGE_COMMAND has mistakes, which are known by then
 * @throws {PolicyError | InvalidPolicy}
 */
export function readWork(
  values: Partial<SettingValues>,
  texts: Texts,
  readFile: (path: string) => string,
): TaskFile | undefined {
  const work = workIn(values, texts, readFile);
  return (
    work && {
      ...work,
      commands: work.commands.map((command) => ({
        ...command,
        policy: withQuarantine(command.policy, values.QUARANTINE),
      })),
    }
  );
}

function workIn(
  { PURGE_COMMAND: commands }: Partial<SettingValues>,
  texts: Texts,
  readFile: (path: string) => string,
): TaskFile | undefined {
  const [first, second] = WORK.filter((name) => texts[name] !== undefined);
  if (first !== undefined && second !== undefined)
    throw new PolicyError(second, undefined, `is set, and so is ${first}; remove one of them`);
  const task = texts.ACR_TASK_FILE;
  if (task !== undefined) return parseTaskFile(read('ACR_TASK_FILE', task, readFile));
  const path = texts.RETENTION_POLICY_FILE;
  if (path !== undefined) {
    const text = read('RETENTION_POLICY_FILE', path, readFile);
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    return workOf(path, text, (name) => readFile(folder + name));
  }
  if (texts.RETENTION_POLICY !== undefined) return workOf('RETENTION_POLICY', texts.RETENTION_POLICY);
  if (texts.PURGE_COMMAND === undefined || commands?.length === 0)
    throw new PolicyError(
      'PURGE_COMMAND',
      undefined,
      'is not set; write the flags of acr purge, e.g. --filter "app:^dev-" --ago 30d --untagged, or name a policy file in RETENTION_POLICY_FILE',
    );
  return commands && { commands, timeLimitSeconds: undefined };
}

/** @param file what messages, and the records of runs, call the policy */
function workOf(file: string, text: string, readFile?: (name: string) => string): TaskFile {
  const retention = parsePolicyFile(text, { file, ...(readFile && { readFile }) });
  const policy = createPolicy({ file: { name: file, retention } });
  return { commands: [{ text: policy.text, policy, registry: undefined }], timeLimitSeconds: undefined };
}

function read(setting: Setting, path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = isAbsent ? "is not in the app's folder" : 'cannot be read';
    throw new PolicyError(setting, shown(path), problem, { cause });
  }
}
