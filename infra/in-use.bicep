/*
  What the identity may read of a subscription, to find out which images are in use there. For each kind of source a role of
  its own, with the calls that the source makes and no others: src/evidence/azure/ makes them.
*/
targetScope = 'subscription'

@description('Names this deployment: the roles have its name.')
param environmentName string

@description('Object id of the identity that the roles are granted to.')
param principalId string

@description('What is read of all of the subscription: aks, containerapps, appservice, aci.')
param kinds string[]

@description('Whether some of its clusters are read: then the role for clusters is made, and not granted here.')
param hasClusters bool

// Azure lists what an identity may read, and is silent about the rest. So the sources ask first what they may do.
var whatItMayDo = 'Microsoft.Authorization/permissions/read'
var cluster = 'Microsoft.ContainerService/managedClusters'
var lists = [
  'pods'
  'replicationcontrollers'
  'apps/deployments'
  'apps/replicasets'
  'apps/daemonsets'
  'apps/statefulsets'
  'batch/jobs'
  'batch/cronjobs'
]
var permissions = {
  aks: {
    actions: [whatItMayDo, '${cluster}/read', '${cluster}/listClusterUserCredential/action']
    // For clusters with Azure RBAC. Others take the ClusterRole of docs/deploying.md.
    dataActions: map(lists, list => '${cluster}/${list}/read')
  }
  containerapps: {
    actions: [
      whatItMayDo
      'Microsoft.App/containerApps/read'
      'Microsoft.App/containerApps/revisions/read'
      'Microsoft.App/jobs/read'
      'Microsoft.App/jobs/executions/read'
    ]
    dataActions: []
  }
  // Never config/list/action, which gives the secrets of an app.
  appservice: {
    actions: [
      whatItMayDo
      'Microsoft.Web/sites/read'
      'Microsoft.Web/sites/config/read'
      'Microsoft.Web/sites/sitecontainers/read'
      'Microsoft.Web/sites/slots/read'
      'Microsoft.Web/sites/slots/config/read'
      'Microsoft.Web/sites/slots/sitecontainers/read'
    ]
    dataActions: []
  }
  aci: {
    actions: [whatItMayDo, 'Microsoft.ContainerInstance/containerGroups/read']
    dataActions: []
  }
}
var needed = union(kinds, hasClusters ? ['aks'] : [])

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for kind in needed: {
    name: guid(subscription().id, environmentName, kind)
    properties: {
      // The name of a role is taken in all of a tenant.
      roleName: 'acr-retention ${environmentName}: ${kind} in use, ${uniqueString(subscription().id)}'
      description: 'Reads which images are in use (${kind}).'
      type: 'CustomRole'
      assignableScopes: [subscription().id]
      permissions: [{ ...permissions[kind], notActions: [], notDataActions: [] }]
    }
  }
]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for kind in kinds: {
    name: guid(subscription().id, environmentName, principalId, kind)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: definitions[indexOf(needed, kind)].id
    }
  }
]

@description('Resource id of the role for clusters; empty where none is read.')
output clusterRoleId string = contains(needed, 'aks') ? definitions[indexOf(needed, 'aks')].id : ''
