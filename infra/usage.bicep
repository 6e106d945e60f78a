/*
  How much a registry uses: the identity may read that, and how the registry is set up, and nothing else. Deployed to the
  resource group of the registry.
*/

@description('Name of the registry.')
param registryName string

@description('Names this deployment: the role has its name.')
param environmentName string

@description('Object id of the identity that the role is granted to.')
param principalId string

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

// Reader would do: it reads everything of the registry, its webhooks and tasks included.
resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(registry.id, environmentName, 'usage')
  properties: {
    // The name of a role is taken in all of a tenant.
    roleName: 'acr-retention ${environmentName}: usage, ${uniqueString(registry.id)}'
    description: 'Reads how much a registry uses, and whether it keeps what is deleted.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.ContainerRegistry/registries/listUsages/read'
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
  name: guid(registry.id, principalId, 'usage')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definition.id
  }
}
