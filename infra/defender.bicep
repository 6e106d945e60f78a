/*
  What Defender for Cloud found in images: the identity may read it, and nothing else of the subscription's resources. On the
  subscription of the registry, not on the registry: Microsoft documents the role for subscriptions and resource groups, and
  not which resource an individual recommendation about an image belongs to.
*/
targetScope = 'subscription'

import { roles } from 'roles.bicep'

@description('Object id of the identity that the role is granted to.')
param principalId string

var role = 'Security Reader'

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, role)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
  }
}
