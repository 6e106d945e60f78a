import { type BlobRequest, Refusal } from './blob-requests.ts';

interface Lease {
  readonly id: string;
  readonly seconds: number;
  /** Milliseconds since 1970, by the service's clock. It has run out then, but it is remembered. */
  readonly until: number;
  readonly isBroken: boolean;
}

export interface Leased {
  lease?: Lease | undefined;
}

export function isHeld(lease: Lease | undefined, now: number): boolean {
  return lease !== undefined && !lease.isBroken && now < lease.until;
}

/**
 * A lease is acquired, renewed, released or broken. One that has run out can be renewed as long as it was not acquired
 * by another client, and the blob not written; one that was broken cannot.
 *
 * @returns the status of the answer
 * @throws {Refusal}
 */
export function onLease(
  action: 'acquire' | 'renew' | 'release' | 'break',
  blob: Leased,
  request: BlobRequest,
  now: number,
): number {
  const { lease } = blob;
  switch (action) {
    case 'acquire': {
      const id = request.header('x-ms-proposed-lease-id');
      const seconds = Number(request.header('x-ms-lease-duration'));
      if (id === undefined || !(seconds >= 15 && seconds <= 60)) throw new Refusal(400, 'InvalidHeaderValue');
      if (isHeld(lease, now) && lease?.id !== id)
        throw new Refusal(409, 'LeaseAlreadyPresent', 'There is already a lease present.');
      blob.lease = { id, seconds, until: now + seconds * 1000, isBroken: false };
      return 201;
    }
    case 'renew': {
      const own = checkOwn(lease, request);
      if (own.isBroken)
        throw new Refusal(
          409,
          'LeaseIsBrokenAndCannotBeRenewed',
          'The lease ID matched, but the lease has been broken.',
        );
      blob.lease = { ...own, until: now + own.seconds * 1000 };
      return 200;
    }
    case 'release':
      checkOwn(lease, request);
      blob.lease = undefined;
      return 200;
    case 'break': {
      if (request.header('x-ms-lease-break-period') !== '0')
        throw new Error('the simulated Blob Storage breaks leases at once only');
      if (!lease)
        throw new Refusal(409, 'LeaseNotPresentWithLeaseOperation', 'There is currently no lease on the blob.');
      blob.lease = { ...lease, isBroken: true };
      return 202;
    }
  }
}

function checkOwn(lease: Lease | undefined, request: BlobRequest): Lease {
  if (!lease || lease.id !== request.header('x-ms-lease-id'))
    throw new Refusal(
      409,
      'LeaseIdMismatchWithLeaseOperation',
      'The lease ID specified did not match the lease ID for the blob.',
    );
  return lease;
}

export function leaseHeaders(lease: Lease | undefined): Readonly<Record<string, string>> {
  return lease && !lease.isBroken ? { 'x-ms-lease-id': lease.id } : { 'x-ms-lease-time': '0' };
}
