@description('Name of the identity.')
param name string

@description('Azure region.')
param location string

@description('Tags of the resource.')
param tags object

@description('The one identity that retention runs as: at the registry, at its storage account and at Application Insights.')
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id.')
output id string = identity.id

@description('Object id, which roles are granted to.')
output principalId string = identity.properties.principalId

@description('Client id, which the app asks for tokens with.')
output clientId string = identity.properties.clientId
