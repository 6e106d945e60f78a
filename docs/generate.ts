/**
 * Writes the parts of the documentation that follow from the code: what stands in a page between
 * `<!-- generated: name -->` and `<!-- end of generated -->`, openapi.json, and the JSON schema of a policy file.
 *
 *     npm run docs          writes them
 *     npm run check:docs    fails where one is stale
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Option } from 'commander';
import { format, resolveConfig } from 'prettier';
import { stringify } from 'yaml';
import * as z from 'zod';
import { namedCommands, newProgram } from '../src/doors/cli/commands.ts';
import { VARIABLES } from '../src/doors/cli/help.ts';
import { HELP } from '../src/doors/cli/help-texts.ts';
import { openapi } from '../src/doors/http/openapi.ts';
import { PROBLEMS } from '../src/doors/http/route.ts';
import { ROUTES } from '../src/doors/http/routes.ts';
import { POLICY_FILE } from '../src/policy/file/schema.ts';
import { SETTINGS_TABLE } from '../src/policy/settings.ts';

/** A table in Markdown; prettier aligns it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function optionRow({ flags, description, argChoices, defaultValue }: Option): readonly string[] {
  const [, meaning = '', inWords] = /^([^]*?)(?: \(default: ([^()]*)\))?$/.exec(description) ?? [];
  const choices = argChoices ? ` (${argChoices.map((one) => `\`${one}\``).join(', ')})` : '';
  const standard = defaultValue === undefined ? (inWords ?? '') : `\`${String(defaultValue)}\``;
  return [`\`${flags}\``, meaning + choices, standard];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function flagsOfAllCommands(): string {
  return [...namedCommands(newProgram(() => undefined))]
    .flatMap(([name, command]) => [
      `### \`${name}\``,
      `${capital(command.description())}.`,
      `    acr-retention ${[name, command.usage()].join(' ').replace('[options]', '[flags]')}`,
      ...(command.options.length === 0 ? [] : [table(['flag', 'meaning', 'default'], command.options.map(optionRow))]),
      ...helpOf(name),
    ])
    .join('\n\n');
}

/** Examples, environment variables and exit codes. */
function helpOf(name: string): readonly string[] {
  const help = HELP[name];
  if (!help) throw new Error(`help-texts.ts says nothing of ${name}`);
  const examples = help.examples.map(({ says, command }) => `    # ${says}\n    ${command}`).join('\n\n');
  const variables = help.environment.map((variable) => `\`${variable}\``);
  const codes = help.exitCodes.map(([code, says]) => `\`${code}\`: ${says}`);
  return [
    examples,
    ...(variables.length === 0 ? [] : [`Environment variables: ${variables.join(', ')}.`]),
    `Exit codes: ${codes.join('; ')}.`,
  ];
}

function variables(): string {
  return table(
    ['environment variable', 'what it is'],
    Object.entries(VARIABLES).map(([name, says]) => [`\`${name}\``, says]),
  );
}

function settings(): string {
  const code = (text: string | undefined): string => (text === undefined ? '' : `\`${text}\``);
  return table(
    ['app setting', 'meaning', 'default', 'example'],
    SETTINGS_TABLE.map((one) => [code(one.name), one.description, one.default ?? '', code(one.example)]),
  );
}

const KEYS = { anonymous: 'none', function: 'function key', admin: 'master key' } as const;

function routes(): string {
  const rows = ROUTES.flatMap(({ path, level, methods }) =>
    Object.entries(methods)
      // HEAD answers as GET does, without the body.
      .filter(([method]) => method !== 'head')
      .map(([method, { summary }]) => [`\`${method.toUpperCase()} ${path}\``, KEYS[level], summary]),
  );
  return table(['request', 'key', 'what it does'], rows);
}

const problems = (): string => table(['status', 'when'], Object.entries(PROBLEMS));

/** What editors complete and check a policy file by. Draft 7 is what their YAML server reads. */
const policySchema = (): z.core.JSONSchema.BaseSchema => z.toJSONSchema(POLICY_FILE, { target: 'draft-7' });

/** A key of a policy file, or what is in a list of it. */
interface PolicyKey {
  readonly description?: string;
  readonly default?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, PolicyKey>>;
  readonly items?: PolicyKey;
}

/** The keys of a policy file, a table for each object in it. */
function keys(): string {
  const file = policySchema() as PolicyKey;
  const within = (...path: readonly string[]): PolicyKey =>
    path.reduce((key: PolicyKey, name) => key.properties?.[name]?.items ?? key.properties?.[name] ?? {}, file);
  return [[], ['protect'], ['rules'], ['rules', 'keep'], ['rules', 'findings'], ['untagged']]
    .flatMap((path) => {
      const { description = '', properties = {} } = within(...path);
      const rows = Object.entries(properties).map(([name, key]) => [
        `\`${name}\``,
        (key.description ?? '') + (key.default === undefined ? '' : ` Default: \`${key.default}\`.`),
        (key.examples ?? []).map((example) => `\`${flow({ [name]: example })}\``).join(', '),
      ]);
      const title = path.length === 0 ? 'The file' : `\`${path.join(': ')}\``;
      return [`### ${title}`, description, table(['key', 'what it means', 'examples'], rows)];
    })
    .join('\n\n');
}

/** YAML in one line. */
function flow(value: object): string {
  const text = stringify(value, { collectionStyle: 'flow', singleQuote: true, lineWidth: 0 }).trim();
  return text.replace(/^\{ ([^]*) \}$/, '$1');
}

/** What there is to generate, by its name in the pages. */
const BLOCKS: Readonly<Record<string, () => string>> = {
  flags: flagsOfAllCommands,
  variables,
  settings,
  routes,
  problems,
  keys,
};
/** What is generated as a whole. */
const FILES: Readonly<Record<string, () => object>> = {
  'openapi.json': openapi,
  'retention.schema.json': policySchema,
};
const PAGES = ['flags.md', 'settings.md', 'http-api.md', 'policy-file.md', ...Object.keys(FILES)];

const BLOCK = /(<!-- generated: ([a-z]+) -->\n)[^]*?(<!-- end of generated -->)/g;

async function upToDate(page: string, path: string, text: string): Promise<string> {
  const whole = FILES[page];
  const written = whole ? JSON.stringify(whole()) : fill(path, text);
  return format(written, { ...(await resolveConfig(path)), filepath: path });
}

function fill(path: string, text: string): string {
  return text.replaceAll(BLOCK, (_, begin: string, name: string, end: string) => {
    const block = BLOCKS[name];
    if (!block) throw new Error(`${path}: nothing is generated by the name ${name}`);
    return `${begin}\n${block()}\n\n${end}`;
  });
}

const isCheck = process.argv.includes('--check');
for (const page of PAGES) {
  const path = fileURLToPath(new URL(page, import.meta.url));
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const wanted = await upToDate(page, path, text);
  if (wanted === text) continue;
  if (!isCheck) writeFileSync(path, wanted);
  else {
    process.stderr.write(`docs/${page} is stale: run npm run docs\n`);
    process.exitCode = 1;
  }
}
