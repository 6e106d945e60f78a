/** What the host and its worker tell each other: the part of the Functions host's protocol that an app can notice. */

/** A value as the host hands it to a worker (`TypedData` of the real protocol). */
export type TypedData = { readonly json: string } | { readonly string: string } | { readonly http: object };

export interface Binding {
  readonly type: string;
  readonly direction: 'in' | 'out';
  /** HTTP triggers. */
  readonly authLevel?: 'anonymous' | 'function' | 'admin';
  readonly methods?: readonly string[];
  readonly route?: string;
  /** Timer triggers. */
  readonly schedule?: string;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
}

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

export type ToWorker =
  | {
      readonly type: 'invoke';
      readonly invocationId: string;
      readonly name: string;
      readonly input: TypedData;
      readonly triggerMetadata: Readonly<Record<string, TypedData>>;
    }
  | { readonly type: 'terminate' };

export type FromWorker =
  | { readonly type: 'loaded'; readonly functions: readonly FunctionMetadata[]; readonly httpUri: string | undefined }
  | { readonly type: 'failed'; readonly file: string; readonly message: string }
  | { readonly type: 'log'; readonly invocationId?: string; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'done'; readonly invocationId: string; readonly error?: string };
