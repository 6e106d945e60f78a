/** The clouds of Azure, as the identity library names them. */
export type AzureCloud = 'AzurePublicCloud' | 'AzureChina' | 'AzureGovernment';

/** Where Azure Resource Manager of a cloud answers. */
const ENDPOINTS: Readonly<Record<AzureCloud, string>> = {
  AzurePublicCloud: 'https://management.azure.com',
  AzureChina: 'https://management.chinacloudapi.cn',
  AzureGovernment: 'https://management.usgovcloudapi.net',
};

export const endpointOf = (cloud: AzureCloud): string => ENDPOINTS[cloud];
