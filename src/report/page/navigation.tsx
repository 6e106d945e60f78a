import type { ComponentChildren } from 'preact';
import type { RunRecord } from '../../ledger/records.ts';
import { printable } from '../escape.ts';
import { type Titled, titleOf } from '../title.ts';
import { isPlain, name, words } from './format.ts';

/** Query parameters of the page. Those that are undefined are left out. */
type Parameters = Readonly<Record<string, string | number | undefined>>;

/** The address of a view. */
export type Link = (parameters?: Parameters) => string;

/** What every view is given beside its data. */
export interface Setting {
  /** The function key that the page was opened with, if it was in the address. */
  readonly code: string | undefined;
  readonly link: Link;
  /** The address of this view for other people: it never holds a key. */
  readonly share: string;
  readonly now: Date;
  /** Where the ledger is stored; not for a client that may not read. */
  readonly place: string | undefined;
  /** It can be asked what was not pulled. */
  readonly hasPulls: boolean;
  /** It can be asked what is in quarantine, and what a check has found: the app serves a registry. */
  readonly hasQuarantine?: boolean;
  /** Why the app would not carry out the plan of a run any more. Absent: that is not looked at. */
  readonly whyNotApplied?: ((run: RunRecord) => string | undefined) | undefined;
  /** Who reads the page; absent where a key opened it: then it is not known who it is. */
  readonly viewer?: Viewer | undefined;
}

/** A reader who has signed in. */
export interface Viewer {
  readonly name: string;
  /** Absent for a reader who may not approve, and is offered no forms. */
  readonly forms?: FormSetting | undefined;
}

/** What the forms have by which a person approves, rejects, cancels and releases. */
export interface FormSetting {
  /** They send it along: so the app knows that they are its own. */
  readonly token: string;
  /** Above so many deletions, an approval wants the name of the registry typed. */
  readonly typedAbove: number;
}

/** Addresses that carry the function key of the page. They are relative, so that any host and route prefix will do. */
export function linksWith(code: string | undefined): Link {
  return (parameters = {}) => {
    const query = new URLSearchParams();
    const all: Parameters = { ...parameters, code };
    for (const [name, value] of Object.entries(all)) {
      if (value !== undefined) query.set(name, String(value));
    }
    return `?${query.toString()}`;
  };
}

interface FormProps {
  readonly setting: Setting;
  readonly label: string;
  /** Parameters that the form keeps. */
  readonly hidden?: Parameters;
  readonly action?: string;
  readonly button: string;
  /** A link beside the button that clears the form. */
  readonly clear?: { readonly href: string; readonly text: string } | undefined;
  readonly children: ComponentChildren;
}

/** A form that asks for another view. */
export function Form({ setting, label, hidden = {}, action, button, clear, children }: FormProps) {
  return (
    <form class="card search" method="get" action={action} role="search" aria-label={label}>
      {Object.entries({ ...hidden, code: setting.code }).map(
        ([field, value]) => value !== undefined && <input type="hidden" name={field} value={value} />,
      )}
      {children}
      <div class="go">
        <button type="submit">{button}</button>
        {clear && <a href={clear.href}>{clear.text}</a>}
      </div>
    </form>
  );
}

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly value: string | undefined;
}

interface SearchProps extends FieldProps {
  readonly whole?: boolean;
  readonly broad?: boolean;
  /** To pick one from. */
  readonly names?: readonly string[];
}

/** A text to search for. */
export function Search({ label, name, value = '', whole = false, broad = false, names }: SearchProps) {
  const list = names && `${name}-names`;
  return (
    <>
      <label class={whole ? 'wide' : broad ? 'broad' : undefined}>
        {label}
        <input
          type="search"
          name={name}
          value={printable(value)}
          required={whole}
          list={list}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
      </label>
      {names && (
        <datalist id={list}>
          {names.filter(isPlain).map((one) => (
            <option value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}

interface ChooseRegistryProps {
  readonly registries: readonly string[];
  readonly chosen: string | undefined;
}

/** One of the registries that the app serves. */
export function ChooseRegistry({ registries, chosen }: ChooseRegistryProps) {
  return (
    <label class="broad">
      Registry
      <select name="registry">
        {registries.map((one) => (
          <option selected={one === chosen}>{name(one)}</option>
        ))}
      </select>
    </label>
  );
}

interface SelectProps extends FieldProps {
  /** Values under their headings; those under '' have none. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

/** A choice that may be left open. */
export function Select({ label, name, value = '', groups }: SelectProps) {
  const options = (some: readonly string[]) => some.map((one) => <option selected={one === value}>{one}</option>);
  return (
    <label>
      {label}
      <select name={name}>
        <option value="" selected={value === ''}>
          any
        </option>
        {Object.entries(groups).map(([group, some]) =>
          group === '' ? options(some) : <optgroup label={group}>{options(some)}</optgroup>,
        )}
      </select>
    </label>
  );
}

interface PagerProps {
  readonly label: string;
  readonly back: { readonly href: string; readonly text: string } | false;
  readonly next: { readonly href: string; readonly text: string } | false | undefined;
}

export function Pager({ label, back, next }: PagerProps) {
  const to = (rel: 'prev' | 'next', target: PagerProps['next']) =>
    target && (
      <a rel={rel} href={target.href}>
        {target.text}
      </a>
    );
  return (
    (back || next) && (
      <nav class="pager" aria-label={label}>
        {to('prev', back)}
        {to('next', next)}
      </nav>
    )
  );
}

interface CrumbsProps {
  readonly setting: Setting;
  readonly run?: Titled & { readonly id: string };
}

/** The way up: all runs, and the run that a view belongs to. */
export function Crumbs({ setting: { link, now }, run }: CrumbsProps) {
  return (
    <p class="crumbs">
      <a href={link()}>Runs</a>
      {run !== undefined && (
        <>
          {' / '}
          <a href={link({ run: run.id })}>{words(titleOf(run, now))}</a>
        </>
      )}
    </p>
  );
}

interface DownloadsProps {
  readonly setting: Setting;
  readonly what: string;
  readonly parameters: Parameters;
}

export function Downloads({ setting: { link }, what, parameters }: DownloadsProps) {
  return (
    <p class="small">
      Download {what}:{' '}
      <a href={link({ ...parameters, format: 'csv' })} download>
        CSV
      </a>
      ,{' '}
      <a href={link({ ...parameters, format: 'ndjson' })} download>
        NDJSON
      </a>
    </p>
  );
}
