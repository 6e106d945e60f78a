/** `repository:team/app:pull,delete`, taken apart. */
export interface Scope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** The scopes of a token request: one parameter or several, each with one scope or several between spaces. */
export function parseScopes(parameters: readonly string[]): readonly Scope[] {
  return parameters
    .flatMap((parameter) => parameter.split(' '))
    .filter((text) => text !== '')
    .flatMap((text) => {
      const [, type, name, actions] = /^([^:]+):(.+):([^:]+)$/.exec(text) ?? [];
      return type === undefined || name === undefined || actions === undefined
        ? []
        : { type, name, actions: actions.split(',') };
    });
}

/** Whether scopes allow an action, or several between commas, as a challenge names them. */
export function allows(
  granted: readonly Scope[],
  wanted: { readonly type: string; readonly name: string; readonly action: string },
): boolean {
  return wanted.action
    .split(',')
    .every((action) =>
      granted.some(
        ({ type, name, actions }) =>
          type === wanted.type &&
          (name === wanted.name || name === '*') &&
          (actions.includes(action) || actions.includes('*')),
      ),
    );
}
