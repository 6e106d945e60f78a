import { roles } from 'roles.bicep'

/*
  What the identity may do with the archive: write and read one container. Deployed to the resource group of its storage
  account, which exists already.
*/

@description('Name of the storage account.')
param accountName string

@description('Name of the container. It is made where it is missing.')
param containerName string

@description('Object id of the identity that the role is granted to.')
param principalId string

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: accountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource archive 'containers' = { name: containerName }
  }
}

// The rest of the account is closed to it.
resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account::blobs::archive
  name: guid(account::blobs::archive.id, principalId, 'Storage Blob Data Contributor')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Storage Blob Data Contributor']
    )
  }
}
