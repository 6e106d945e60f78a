import type * as StorageBlob from '@azure/storage-blob';
import type { ContainerClient, IHttpClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import type { TokenCredential } from '@azure/core-auth';
import { secrets } from '../redact/known.ts';
import { type Kept, LedgerError } from './store.ts';

export const CONTAINER = 'retention-runs';

export type BlobLocation = (AccountKey | AccountIdentity) & {
  /** The certificate authority to trust instead of the system's (PEM): an emulator's. */
  readonly certificate?: string | undefined;
  /** Sends requests, instead of the SDK's own client. It honours their abort signals. */
  readonly httpClient?: IHttpClient | undefined;
  /** Absent: that of a ledger. */
  readonly container?: string;
  /** Absent: a ledger. */
  readonly kept?: Kept;
};

interface AccountKey {
  readonly connectionString: string;
}

interface AccountIdentity {
  /** `https://account.blob.core.windows.net` */
  readonly accountUrl: string;
  /** A user-assigned managed identity, or the application of a workload identity. */
  readonly clientId?: string | undefined;
  /** Instead of an identity that is looked for. */
  readonly credential?: TokenCredential | undefined;
}

export interface Account {
  /** Host, path and container, without any secret. */
  readonly place: string;
  /** The container, whether it is there or not. The SDK is loaded here: it takes longer than everything else together. */
  readonly connect: () => Promise<ContainerClient>;
}

type Sdk = typeof StorageBlob;
type Credential = StorageSharedKeyCredential | TokenCredential | undefined;

/** @throws LedgerError where the location is not usable; never with a part of a connection string. */
export function accountOf(location: BlobLocation): Account {
  const { url, query = '', credential } = 'accountUrl' in location ? ofUrl(location) : ofConnectionString(location);
  const { certificate, httpClient, container = CONTAINER } = location;
  return {
    place: `${url.host}${url.pathname.replace(/\/+$/, '')}/${container}`,
    async connect() {
      const sdk = await import('@azure/storage-blob');
      const service = new sdk.BlobServiceClient(url.href + query, await credential(sdk), {
        // It is tried again by `attempt`, which knows what may have been carried out already.
        retryOptions: { maxTries: 1 },
        userAgentOptions: { userAgentPrefix: 'acr-retention' },
        ...(certificate !== undefined && { tlsOptions: { ca: certificate } }),
        ...(httpClient && { httpClient }),
      });
      return service.getContainerClient(container);
    },
  };
}

interface Parsed {
  readonly url: URL;
  /** A shared access signature, with its `?`. */
  readonly query?: string;
  readonly credential: (sdk: Sdk) => Promise<Credential>;
}

function ofUrl(location: AccountIdentity & Pick<BlobLocation, 'kept'>): Parsed {
  const url = URL.canParse(location.accountUrl) ? new URL(location.accountUrl) : undefined;
  // Whatever else stands in it may be a secret, so it is not repeated.
  if (url?.protocol !== 'https:' || url.search !== '' || url.username !== '')
    throw new LedgerError(
      `the ${location.kept ?? 'ledger'}'s storage account has no usable address: https://account.blob.core.windows.net`,
    );
  return {
    url,
    async credential() {
      if (location.credential) return location.credential;
      const { DefaultAzureCredential } = await import('@azure/identity');
      const { clientId } = location;
      return new DefaultAzureCredential({
        ...(clientId !== undefined && { managedIdentityClientId: clientId, workloadIdentityClientId: clientId }),
      });
    },
  };
}

/**
 * Read here and not by the SDK: its parser's errors may hold what is secret. Keys are the same in upper and lower case,
 * as they are for .NET, and the protocol and suffix may be left out.
 */
function ofConnectionString({ connectionString }: AccountKey): Parsed {
  const fields = new Map(
    connectionString.split(';').map((field) => {
      const [, name = '', value = ''] = /^\s*([^=]*?)\s*=(.*?)\s*$/s.exec(field) ?? [];
      return [name.toLowerCase(), value];
    }),
  );
  const field = (name: string): string => fields.get(name.toLowerCase()) ?? '';
  const account = field('AccountName');
  const key = field('AccountKey');
  const signature = field('SharedAccessSignature').replace(/^\?/, '');
  secrets.add(key);
  secrets.add(signature);
  secrets.add(new URLSearchParams(signature).get('sig') ?? undefined);
  if (field('UseDevelopmentStorage').toLowerCase() === 'true') return development();
  const suffix = field('EndpointSuffix') || 'core.windows.net';
  const endpoint =
    field('BlobEndpoint') || `${field('DefaultEndpointsProtocol') || 'https'}://${account}.blob.${suffix}`;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const wrong = (what: string): LedgerError =>
    new LedgerError(`the connection string of the ledger's storage account has ${what}`);
  if (signature === '' && account === '') throw wrong('no AccountName');
  if (signature === '' && key === '') throw wrong('neither AccountKey nor SharedAccessSignature');
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.username !== '')
    throw wrong('no usable BlobEndpoint, or AccountName and EndpointSuffix');
  if (key === '') return { url, query: `?${signature}`, credential: () => Promise.resolve(undefined) };
  return { url, credential: (sdk) => Promise.resolve(new sdk.StorageSharedKeyCredential(account, key)) };
}

/** The local emulator's account, whose key is no secret: the SDK knows it. */
function development(): Parsed {
  return {
    url: new URL('http://127.0.0.1:10000/devstoreaccount1'),
    credential: ({ BlobServiceClient }) => {
      const { credential } = BlobServiceClient.fromConnectionString('UseDevelopmentStorage=true');
      return Promise.resolve(credential as StorageSharedKeyCredential);
    },
  };
}
