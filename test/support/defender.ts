import type { GraphRow } from '../../src/dev/azure/graph.ts';
import { idOf, SUBSCRIPTION } from './azure.ts';

/* What Defender for Cloud says, as Resource Graph has it. */

export const REGISTRY_ID = idOf('Microsoft.ContainerRegistry/registries', 'contoso');

interface Cve {
  readonly CveId?: unknown;
  readonly Severity?: unknown;
  readonly FixStatus?: unknown;
  readonly FixedVersion?: unknown;
}

let number = 0;

/** An individual recommendation: of one image and one package. */
export function recommendation(
  image: { readonly repository?: string; readonly digest: string },
  cves: readonly Cve[] | string | undefined,
  properties: Readonly<Record<string, unknown>> = {},
): GraphRow {
  number += 1;
  const { repository = 'shop/api', digest } = image;
  const list = typeof cves === 'object' ? JSON.stringify(cves) : cves;
  return {
    id: `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Security/assessments/${String(number).padStart(8, '0')}`,
    type: 'microsoft.security/assessments',
    properties: {
      displayName: 'Update openssl',
      status: { code: 'Unhealthy', firstEvaluationDate: '2026-11-01T00:00:00Z' },
      metadata: { severity: 'High', recommendationCategory: 'SoftwareUpdate' },
      resourceDetails: {
        ResourceType: '.containerimage',
        Source: 'Azure',
        Id: `/subscriptions/${SUBSCRIPTION}/securityentities/repositories-${repository.replaceAll('/', '-')}-images-${digest}`,
      },
      resourceAdditionalData: JSON.stringify({ Digest: digest, RepositoryDetails: { RepositoryName: repository } }),
      additionalData: { SoftwareName: 'openssl', ...(list !== undefined && { CvesDetails: list }) },
      ...properties,
    },
  };
}

/** An older sub-assessment: of one image and one CVE. */
export function subAssessment(
  { repository = 'shop/api', digest, host = 'contoso.azurecr.io' }: { readonly repository?: string; readonly digest: string; readonly host?: string }, // prettier-ignore
  { cve, severity, fixStatus = 'FixAvailable', code = 'Unhealthy', at = '2026-11-29T13:36:15.0772799Z' }: { readonly cve: string; readonly severity: string; readonly fixStatus?: string; readonly code?: string; readonly at?: string }, // prettier-ignore
): GraphRow {
  number += 1;
  return {
    id: `${REGISTRY_ID}/providers/Microsoft.Security/assessments/c0b7cfc6-3172-465a-b378-53c7ff2cc0d5/subassessments/${String(number).padStart(8, '0')}`,
    type: 'microsoft.security/assessments/subassessments',
    properties: {
      id: cve,
      status: { code, severity },
      timeGenerated: at,
      resourceDetails: { id: `/repositories/${repository}/images/${digest}`, source: 'Azure' },
      additionalData: {
        assessedResourceType: 'AzureContainerRegistryVulnerability',
        artifactDetails: { registryHost: host, repositoryName: repository, digest, tags: ['v1'] },
        vulnerabilityDetails: { cveId: cve, severity },
        softwareDetails: { packageName: 'openssl', fixedVersion: '', fixStatus },
      },
    },
  };
}
