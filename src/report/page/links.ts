/** Query parameters of the page. Those that are undefined are left out. */
type Parameters = Readonly<Record<string, string | number | undefined>>;

/** The address of a view. */
export type Link = (parameters?: Parameters) => string;

/**
 * Addresses that carry on the function key which the page was opened with. They are relative, so they hold whatever
 * host and route prefix the app has.
 */
export function linksWith(code: string | undefined): Link {
  return (parameters = {}) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) query.set(name, String(value));
    }
    if (code !== undefined) query.set('code', code);
    return `?${query.toString()}`;
  };
}
