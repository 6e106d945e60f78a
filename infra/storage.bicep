import { roles } from 'roles.bicep'

@description('Name of the storage account: 3 to 24 small letters and digits.')
param name string

@description('Azure region.')
param location string

@description('Tags of the resources.')
param tags object

@description('Object id of the identity that uses it.')
param principalId string

@description('Whether it can be reached by private endpoints only.')
param isPrivate bool

@description('Resource id of the Log Analytics workspace that hears of what is written and deleted here.')
param workspaceId string

@description('Containers to be made. The app makes the one for its record itself.')
param containers string[]

@description('Object ids of the identities by which clusters write here which images they run.')
param inUseWriterIds string[]

@description('Whether the orchestrations of Durable Functions live here, too: in queues, tables and blobs.')
param hasTaskHub bool

@description('What the Functions host, the deployed package and the record of all runs live in.')
resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // The record says what was deleted, and why: a slip must not take it.
      containerDeleteRetentionPolicy: { enabled: true, days: 30 }
      deleteRetentionPolicy: { enabled: true, days: 7 }
    }

    resource made 'containers' = [for container in containers: { name: container }]

    // The images that clusters run, a file each.
    resource inUse 'containers' = { name: 'in-use' }
  }
}

// The record of what was deleted can be deleted: who does it is on record here.
// The version in use for years; the linter asks for that of 2016, which is the last that was called stable.
#disable-next-line use-recent-api-versions
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account::blobs
  name: 'changes'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

var grants = [
  // Owner rather than Contributor: Microsoft asks for it where the Functions host uses its storage with an identity
  // ("Connecting to host storage with an identity"). It covers the package, the record, and the blobs of a task hub.
  'Storage Blob Data Owner'
  // "Configure Durable Functions with managed identity".
  ...(hasTaskHub ? ['Storage Queue Data Contributor', 'Storage Table Data Contributor'] : [])
]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in grants: {
    scope: account
    name: guid(account.id, principalId, role)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
    }
  }
]

// To a cluster the rest of the account is closed: the record of runs is there. The app may read all of it.
resource writers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for writerId in inUseWriterIds: {
    scope: account::blobs::inUse
    name: guid(account::blobs::inUse.id, writerId, 'Storage Blob Data Contributor')
    properties: {
      principalId: writerId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Storage Blob Data Contributor']
      )
    }
  }
]

@description('Resource id.')
output id string = account.id

@description('URLs of its blobs, queues and tables, as its cloud names them. Each ends with a slash.')
output endpoints { blob: string, queue: string, table: string } = {
  blob: account.properties.primaryEndpoints.blob
  queue: account.properties.primaryEndpoints.queue
  table: account.properties.primaryEndpoints.table
}

@description('Where clusters write which images they run: a URL that the name of a file follows.')
output inUseUrl string = '${account.properties.primaryEndpoints.blob}${account::blobs::inUse.name}/'
