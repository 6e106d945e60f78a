import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import Module from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Binding, FromWorker, FunctionMetadata, LogLevel, ToWorker } from './protocol.ts';

/*
 * The worker process: loads an app as the Node.js worker of Azure Functions does, and calls its functions. The app sees
 * `@azure/functions-core`, the module that exists inside that worker only, and @azure/functions does the rest.
 */

type Callback = (...inputs: readonly unknown[]) => unknown;
type Hook = (context: object) => void | Promise<void>;

interface InvocationModel {
  readonly getArguments: () => Promise<{ readonly context: unknown; readonly inputs: unknown[] }>;
  readonly invokeFunction: (context: unknown, inputs: unknown[], callback: Callback) => Promise<unknown>;
  readonly getResponse: (context: unknown, result: unknown) => Promise<unknown>;
}

interface ProgrammingModel {
  readonly getInvocationModel: (core: object) => InvocationModel;
  readonly getCapabilities: (capabilities: object) => Promise<{ readonly HttpUri?: string }>;
}

const functions = new Map<string, { readonly metadata: FunctionMetadata; readonly callback: Callback }>();
const hooks = new Map<string, Hook[]>();
let model: ProgrammingModel | undefined;

const core = {
  version: '3.0.0',
  hostVersion: '4.1000.0',
  registerFunction(metadata: FunctionMetadata, callback: Callback) {
    functions.set(metadata.name, { metadata, callback });
    return { dispose: () => functions.delete(metadata.name) };
  },
  registerHook(name: string, hook: Hook) {
    hooks.set(name, [...(hooks.get(name) ?? []), hook]);
    return { dispose: () => undefined };
  },
  setProgrammingModel(set: ProgrammingModel) {
    model = set;
  },
  getProgrammingModel: () => model,
  log: (level: LogLevel, _category: string, message: string) => send({ type: 'log', level, message }),
};

const required = Object.getOwnPropertyDescriptor(Module.prototype, 'require')?.value as (id: string) => unknown;
Module.prototype.require = function require(this: unknown, id: string) {
  return id === '@azure/functions-core' ? core : required.call(this, id);
} as NodeJS.Require;

function send(message: FromWorker): void {
  process.send?.(message);
}

async function load(root: string): Promise<void> {
  const { main } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly main: string };
  const files: string[] = [];
  for await (const file of glob(main, { cwd: root })) files.push(file);
  for (const file of files.sort()) {
    try {
      await import(pathToFileURL(resolve(root, file)).href);
    } catch (error) {
      send({ type: 'failed', file, message: (error as Error).message });
    }
  }
  await runHooks('appStart');
  const { HttpUri: httpUri } = (await model?.getCapabilities({})) ?? {};
  send({ type: 'loaded', functions: Array.from(functions.values(), ({ metadata }) => metadata), httpUri });
}

async function runHooks(name: string): Promise<void> {
  for (const hook of hooks.get(name) ?? []) await hook({ hookData: {}, appHookData: {} });
}

async function invoke({ invocationId, name, input, triggerMetadata }: ToWorker & { type: 'invoke' }): Promise<void> {
  const registered = functions.get(name);
  if (!registered || !model) throw new Error(`there is no function ${name}`);
  const { metadata, callback } = registered;
  const trigger = Object.entries<Binding>(metadata.bindings).find(([, { type }]) => type.endsWith('Trigger'));
  const invocation = model.getInvocationModel({
    invocationId,
    metadata,
    request: { invocationId, inputData: [{ name: trigger?.[0], data: input }], triggerMetadata },
    log: (level: LogLevel, _category: string, message: string) => send({ type: 'log', invocationId, level, message }),
  });
  const { context, inputs } = await invocation.getArguments();
  await invocation.getResponse(context, await invocation.invokeFunction(context, inputs, callback));
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'terminate') {
    // Exits at once, as the real worker does: the last log records may be lost.
    void runHooks('appTerminate').finally(() => process.exit());
    return;
  }
  const { invocationId } = message;
  invoke(message).then(
    () => send({ type: 'done', invocationId }),
    (error: unknown) => send({ type: 'done', invocationId, error: (error as Error).message }),
  );
});
// The host has ended.
process.on('disconnect', () => process.exit());

await load(process.argv[2] ?? '.');
