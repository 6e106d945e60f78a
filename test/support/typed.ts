import { join } from 'node:path';
import ts from 'typescript';
import { project } from './image.ts';

/**
 * What the compiler says where a value is written down as a type of a module. So it finds what a schema lets pass: names
 * that nobody knows.
 */
export function misfits(value: unknown, type: string, module: string): readonly string[] {
  const file = join(project, 'test/infra/typed-value.ts');
  const text = `import type { ${type} } from '${module}';\nexport const value: ${type} = ${JSON.stringify(value)};\n`;
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram([file], options, {
    ...host,
    fileExists: (name) => name === file || host.fileExists(name),
    readFile: (name) => (name === file ? text : host.readFile(name)),
    getSourceFile: (name, ...rest) =>
      name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : host.getSourceFile(name, ...rest),
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
