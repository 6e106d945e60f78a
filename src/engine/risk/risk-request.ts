import type { LedgerReader } from '../../ledger/reader.ts';
import type { Configuration } from '../../policy/settings.ts';
import { parseSince } from '../../policy/since.ts';
import type { RiskReport } from '../../report/risk.ts';
import { servedRegistry, settingsOf } from '../registries.ts';
import { risk, type RiskOptions } from './risk.ts';

/** What a client asks for. */
export interface RiskQuery extends Omit<RiskOptions, 'since'> {
  /** `undefined`: the only one. */
  readonly registry: string | undefined;
  /** `90d`, or a day. */
  readonly since: string;
}

/**
 * The findings of a registry that the app serves.
 * @throws {Misconfigured | PolicyError | LedgerError}
 */
export async function requestedRisk(
  configuration: Configuration,
  reader: LedgerReader,
  { registry, since, ...options }: RiskQuery,
): Promise<RiskReport> {
  const { host } = servedRegistry(settingsOf(configuration), registry).endpoint;
  return risk(reader, host, { ...options, since: parseSince(since, options.now, 'since') });
}
