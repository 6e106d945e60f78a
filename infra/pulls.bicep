/*
  When images of a registry were pulled: its events go to the workspace of the app, if so wanted, and the identity may read
  them, and how the registry is set up (whether it keeps what is deleted), and nothing else. Deployed to the resource group of the registry.
*/

@description('Name of the registry.')
param registryName string

@description('Names this deployment: the role has its name.')
param environmentName string

@description('Object id of the identity that the role is granted to.')
param principalId string

@description('Resource id of the workspace that the registry sends its events to. Empty: a diagnostic setting exists already.')
param workspaceId string

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

// The version that the storage account has, too: the linter asks for an older one.
#disable-next-line use-recent-api-versions
resource events 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(workspaceId)) {
  scope: registry
  name: 'acr-retention-pulls'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'ContainerRegistryRepositoryEvents', enabled: true }]
  }
}

// One table, and of it the rows of this registry: no built-in role is as narrow.
resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(registry.id, environmentName, 'pulls')
  properties: {
    // The name of a role is taken in all of a tenant.
    roleName: 'acr-retention ${environmentName}: pulls, ${uniqueString(registry.id)}'
    description: 'Reads when images were pulled, and whether the registry keeps what is deleted.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.Insights/logs/ContainerRegistryRepositoryEvents/read'
          'Microsoft.ContainerRegistry/registries/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, principalId, 'pulls')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definition.id
  }
}
