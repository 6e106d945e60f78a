import type { RunRecord } from '../ledger/records.ts';
import type { StorageSum, UsedRecord } from '../ledger/storage.ts';
import type { Totals } from '../ledger/summary.ts';
import { bytes, plural } from './page/format.ts';

const GIB = 1024 ** 3;

type Stored = Pick<RunRecord, 'storage' | 'dryRun'> & { readonly totals?: Totals | undefined };

/** What a run frees, what that costs, and what the registry says that it uses: a sentence each. None: it was not asked. */
export function storageInWords({ storage, dryRun, totals }: Stored): readonly string[] {
  const sum = totals?.storage;
  if (!storage) return [];
  if (!sum) return [`What that frees is not known: it could not be found out what the images consist of.`];
  return [`${dryRun ? 'It would free' : 'It frees'} ${freedInWords(sum)}`, ...cost(sum, storage), ...used(storage)];
}

/** `2.1 of 5.7 GB`, and how far that is known. */
function freedInWords(sum: StorageSum): string {
  const doubts = doubtsIn(sum);
  const about = sum.unreadDeleted === undefined ? (doubts.length > 0 ? 'at most ' : '') : 'about ';
  const amount = sum.frees === 0 ? 'nothing' : bytes(sum.frees);
  const of = `${sum.frees === 0 ? '' : about}${amount} of ${bytes(sum.unique)}`;
  return doubts.length === 0 ? `${of}, each layer counted once.` : `${of}, as far as it is known: ${list(doubts)}.`;
}

function doubtsIn(sum: StorageSum): readonly string[] {
  const { unread = 0, unreadDeleted = 0, repositoriesNotRead = 0, repositoriesNotListed } = sum;
  return [
    ...(unread > 0 ? [`what ${plural(unread, 'kept manifest')} ${holds(unread)} is not known`] : []),
    ...(unreadDeleted > 0 ? [`what ${plural(unreadDeleted, 'deleted manifest')} held is not known`] : []),
    ...(repositoriesNotRead > 0
      ? [`${plural(repositoriesNotRead, 'repository')} ${repositoriesNotRead === 1 ? 'was' : 'were'} never read`]
      : []),
    ...(repositoriesNotListed ? ['which repositories there are is not known'] : []),
  ];
}

const holds = (count: number): string => (count === 1 ? 'holds' : 'hold');

function list(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
}

/** What a month costs less. What the tier includes costs nothing. */
function cost({ frees }: StorageSum, { price, before, after }: RunRecord['storage'] & object): readonly string[] {
  if (price === undefined || frees === 0) return [];
  const used = before?.state === 'known' ? before : after;
  if (used?.state !== 'known' || used.included === undefined)
    return [
      `That costs about ${amount((frees / GIB) * price)} a month, as far as it is more than the tier of the registry includes.`,
    ];
  const charged = (size: number): number => Math.max(0, size - (used.included ?? 0));
  const saved = charged(used.bytes) - charged(used.bytes - frees);
  if (saved === 0)
    return [
      `It costs nothing less: the registry uses ${bytes(used.bytes)}, and its tier includes ${bytes(used.included)}.`,
    ];
  return [`That is about ${amount((saved / GIB) * price)} a month less; the tier includes ${bytes(used.included)}.`];
}

/** As a price is written; a small one with as many digits as it takes. */
function amount(value: number): string {
  return value >= 0.01 ? value.toFixed(2) : value.toPrecision(1);
}

function used({ before, after }: RunRecord['storage'] & object): readonly string[] {
  const known = (one: UsedRecord | undefined) => (one?.state === 'known' ? bytes(one.bytes) : undefined);
  const [was, is] = [known(before), known(after)];
  if (was !== undefined && is !== undefined)
    return [
      was === is
        ? `The registry says that it uses ${is}, before and after: it frees space later.`
        : `The registry says that it used ${was} before, and uses ${is} after; it frees space later.`,
    ];
  if (was !== undefined || is !== undefined) return [`The registry says that it uses ${was ?? is ?? ''}.`];
  const why = [before, after].find((one) => one?.state === 'unknown');
  return why?.state === 'unknown' ? [`What the registry says that it uses is not known: ${why.why}.`] : [];
}

/** What a run frees, and what the registry says that it uses, for the log. */
export function storageFields({ totals, storage }: Pick<RunRecord, 'storage'> & { readonly totals: Totals }): object {
  if (!totals.storage) return {};
  const used = (one: UsedRecord | undefined) => (one?.state === 'known' ? one.bytes : undefined);
  return { storage: { ...totals.storage, usedBefore: used(storage?.before), usedAfter: used(storage?.after) } };
}
