import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Token, type Tokens, marked } from 'marked';

const root = new URL('../../', import.meta.url);

export const textOf = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** The Markdown files of the project, by their path from its top. */
export const PAGES: readonly string[] = globSync(['*.md', 'docs/**/*.md', 'test/**/*.md', 'infra/**/*.md'], {
  cwd: fileURLToPath(root),
});

/** All tokens of a page, those within others too, in the order in which they stand there. */
export function tokensOf(path: string): readonly Token[] {
  const found: Token[] = [];
  void marked.walkTokens(marked.lexer(textOf(path)), (token) => void found.push(token));
  return found;
}

export const headingsOf = (path: string): readonly string[] =>
  tokensOf(path)
    .filter((token): token is Tokens.Heading => token.type === 'heading')
    .map(({ text }) => text);

/** The rows of each table under a heading, up to the next heading of any level, as Markdown a cell. */
export function rowsUnder(path: string, heading: string): readonly (readonly string[])[] {
  const tokens = marked.lexer(textOf(path));
  const start = tokens.findIndex((token) => token.type === 'heading' && (token as Tokens.Heading).text === heading);
  if (start < 0) throw new Error(`${path} has no heading "${heading}"`);
  const end = tokens.findIndex((token, index) => index > start && token.type === 'heading');
  return tokens
    .slice(start, end < 0 ? undefined : end)
    .flatMap((token) => (token.type === 'table' ? (token as Tokens.Table).rows : []))
    .map((row) => row.map((cell) => cell.text));
}

/** The code spans in a piece of Markdown. */
export const codeIn = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

/** The commands in the code blocks of a page, one a line, without comments; a line that ends with a backslash continues in the next. */
export function commandsOf(path: string): readonly string[] {
  return tokensOf(path).flatMap((token) =>
    token.type === 'code'
      ? (token as Tokens.Code).text
          .replaceAll(/\\\n\s*/g, ' ')
          .split('\n')
          .map((line) => line.replace(/(?:^|\s+)# .*$/, '').trim())
          .filter((line) => line !== '')
      : [],
  );
}
