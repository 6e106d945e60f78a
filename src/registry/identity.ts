import type { TokenCredential } from '@azure/core-auth';
import { secrets } from '../ledger/redact/known.ts';
import type { RegistryCredentials } from './auth.ts';

/** The resource that tokens for registries are asked for in the public cloud. */
export const PUBLIC_AUDIENCE = 'https://containerregistry.azure.net';

/** User name that stands for "the password is an ACR refresh token" (`az acr login --expose-token`). */
const TOKEN_USER = '00000000-0000-0000-0000-000000000000';

/** Where identities of the sovereign clouds sign in, by the end of the audience's host. */
const AUTHORITIES: readonly (readonly [string, 'AzureChina' | 'AzureGovernment'])[] = [
  ['azure.cn', 'AzureChina'],
  ['chinacloudapi.cn', 'AzureChina'],
  ['azure.us', 'AzureGovernment'],
  ['usgovcloudapi.net', 'AzureGovernment'],
];

export interface IdentitySettings {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Another cloud's audience, such as `https://management.usgovcloudapi.net`. It implies where to sign in. */
  readonly audience?: string | undefined;
  /** A user-assigned managed identity, or the application of a workload identity. */
  readonly clientId?: string | undefined;
}

/**
 * User name and password where they are given, as with `acr purge`. Else an Entra identity: the first of environment,
 * workload identity, managed identity and Azure CLI.
 */
export function credentialsOf({
  username,
  password,
  audience = PUBLIC_AUDIENCE,
  clientId,
}: IdentitySettings): RegistryCredentials {
  if (password !== undefined && password !== '') {
    secrets.add(password);
    if (username === undefined || username === '' || username === TOKEN_USER)
      return { kind: 'refresh-token', token: password };
    return { kind: 'basic', username, password };
  }
  return { kind: 'entra', credential: entraOf({ audience, clientId }), audience: audience.replace(/\/+$/, '') };
}

/** Where the logs of a cloud are asked for. */
export function logsEndpointOf({ audience }: Pick<IdentitySettings, 'audience'>): string {
  const cloud = cloudOf(audience);
  if (cloud === 'AzureChina') return 'https://api.loganalytics.azure.cn';
  return cloud === 'AzureGovernment' ? 'https://api.loganalytics.us' : 'https://api.loganalytics.io';
}

/** The cloud of an audience. */
export function cloudOf(audience = PUBLIC_AUDIENCE): 'AzurePublicCloud' | 'AzureChina' | 'AzureGovernment' {
  return AUTHORITIES.find(([part]) => new URL(audience).hostname.endsWith(part))?.[1] ?? 'AzurePublicCloud';
}

/** An Entra identity: what else than a registry is asked knows no user of a registry. */
export function entraOf({
  audience = PUBLIC_AUDIENCE,
  clientId,
}: Pick<IdentitySettings, 'audience' | 'clientId'>): TokenCredential {
  return defaultCredential(clientId, cloudOf(audience));
}

/**
 * A credential whose library is loaded with the first token: that takes longer than loading everything else, and most
 * invocations of a Function app (its health, a wrong request) need no token.
 */
function defaultCredential(clientId: string | undefined, cloud: ReturnType<typeof cloudOf>): TokenCredential {
  let loaded: Promise<TokenCredential> | undefined;
  const load = async (): Promise<TokenCredential> => {
    const { AzureAuthorityHosts, DefaultAzureCredential } = await import('@azure/identity');
    return new DefaultAzureCredential({
      ...(clientId !== undefined && { managedIdentityClientId: clientId, workloadIdentityClientId: clientId }),
      // The public one is the default, which the environment may override (AZURE_AUTHORITY_HOST).
      ...(cloud !== 'AzurePublicCloud' && { authorityHost: AzureAuthorityHosts[cloud] }),
    });
  };
  return { getToken: async (scopes, options) => (await (loaded ??= load())).getToken(scopes, options) };
}
