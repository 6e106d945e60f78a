import * as z from 'zod';

/* What a route of the app is, as openapi.json describes it, and the parts that several routes have. */

export interface Answer {
  readonly description: string;
  /** Schemas by media type; `undefined` for text and pages. */
  readonly forms: Readonly<Record<string, z.ZodType | undefined>>;
  readonly headers?: readonly (keyof typeof HEADERS)[];
}

export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly query?: readonly z.ZodObject[];
  /** It takes a form of the page as its body; what is wrong is answered with a page. */
  readonly takesForm?: z.ZodType;
  /** It takes the flags of `acr purge`: as parameters, or with POST as a body. */
  readonly takesFlags?: true;
  readonly answers: Readonly<Record<number, Answer>>;
  readonly problems: readonly (keyof typeof PROBLEMS)[];
}

export interface Route {
  /** The function that answers. */
  readonly name: string;
  readonly path: string;
  /** What the host is given to serve that path, where it is not the path itself. */
  readonly template?: string;
  /** The key that it wants. */
  readonly level: 'anonymous' | 'function' | 'admin';
  readonly methods: Readonly<Partial<Record<'get' | 'head' | 'post', Operation>>>;
}

export const HEADERS = {
  Location: 'The address of the run, or of the page',
  'Retry-After': 'Seconds after which it is worth looking again',
} as const;

export const PROBLEMS = {
  400: 'A parameter, a flag or the body is wrong; errors names each',
  401: 'The key is missing or wrong: the Functions host answers this itself, without a body',
  403: 'The client has signed in, and may not do this',
  404: 'There is no such run, nothing like that in quarantine, or the registry was not checked yet',
  406: 'The client accepts none of the media types',
  409: 'Another run is in the way, a guard holds the plan back, or something has changed since the plan',
  413: 'The body is too large',
  415: 'The body is neither JSON, text nor YAML',
  429: 'Too many dry runs wait for their turn, or too many registries are being looked at',
  500: 'A fault of the service; its log says more',
  502: 'The registry refuses',
  503: 'The registry or the ledger cannot be reached, or the settings are wrong',
} as const;

export const json = (description: string, schema: z.ZodType): Answer => ({
  description,
  forms: { 'application/json': schema },
});
/** Everything in one document, or a line of NDJSON each. */
export const listed = (description: string, all: z.ZodType, one: z.ZodType, more: Answer['forms'] = {}): Answer => ({
  description,
  forms: { 'application/json': all, 'application/x-ndjson': one, ...more },
});
export const text = (description: string): Answer => ({ description, forms: { 'text/plain': undefined } });
export const followed = (description: string, schema: z.ZodType): Answer => ({
  ...json(description, schema),
  headers: ['Location', 'Retry-After'],
});
export const formats = (...forms: readonly string[]): z.ZodObject =>
  z.object({ format: z.enum(forms).exactOptional().describe('The form of the answer, instead of the header Accept') });
