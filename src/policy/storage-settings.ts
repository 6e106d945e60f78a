import { PolicyError } from './errors.ts';
import { documentation, read } from './setting-fields.ts';

/* What a run is asked about storage. */

/** Absent: what a deletion frees is not computed. */
export interface StorageSettings {
  /** What a GiB costs in a month, in whatever currency. */
  readonly price?: number;
}

export const STORAGE_FIELDS = {
  STORAGE: read((text) => readOnOff('STORAGE', text))
    .prefault('off')
    .register(documentation, {
      description:
        'Whether runs say [what they free](storage.md): `on` or `off`. Each manifest is read once for it, 100,000 of them take some 20 minutes on the tiers Basic and Standard.',
      example: 'on',
    }),
  STORAGE_PRICE: read((text) => readPrice('STORAGE_PRICE', text))
    .optional()
    .register(documentation, {
      description:
        'With `STORAGE`: what a GiB of storage above that of the tier costs in a month, as a number without a currency.',
      default: 'costs are not said',
      example: '0.10',
    }),
} as const;

export function storageSettingsFrom(values: {
  readonly STORAGE: boolean;
  readonly STORAGE_PRICE?: number | undefined;
}): StorageSettings | undefined {
  const { STORAGE: isOn, STORAGE_PRICE: price } = values;
  return isOn ? { ...(price !== undefined && { price }) } : undefined;
}

function readOnOff(name: string, text: string): boolean {
  if (/^(?:on|true)$/i.test(text)) return true;
  if (/^(?:off|false)$/i.test(text)) return false;
  throw new PolicyError(name, text, 'must be on or off');
}

/** More than any price in any currency: a slip is told by it. */
const MOST = 1_000_000;

function readPrice(name: string, text: string): number {
  if (!/^\d{1,7}(?:\.\d{1,9})?$/.test(text))
    throw new PolicyError(name, text, 'must be a price as a number without a currency, e.g. 0.10');
  if (Number(text) > MOST) throw new PolicyError(name, text, `must be at most ${MOST}`);
  return Number(text);
}
