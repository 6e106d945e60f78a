/*
  What the identity may read of one cluster, to find out which images run there. Deployed to the resource group of the
  cluster, which exists already.
*/

@description('Name of the cluster.')
param clusterName string

@description('Object id of the identity that the role is granted to.')
param principalId string

@description('Resource id of the role: in-use.bicep.')
param roleId string

resource cluster 'Microsoft.ContainerService/managedClusters@2025-10-01' existing = {
  name: clusterName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: cluster
  name: guid(cluster.id, principalId, roleId)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleId
  }
}
