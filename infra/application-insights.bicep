import { roles } from 'roles.bicep'

@description('Name, which the names of the resources end with.')
param name string

@description('Azure region.')
param location string

@description('Tags of the resources.')
param tags object

@description('Object id of the identity that sends to Application Insights.')
param principalId string

@description('Whether it can be reached by private endpoints only: for sending, and for reading (the portal, too).')
param isPrivate bool

@description('The Log Analytics workspace that it keeps its tables in: workspace.bicep.')
param workspace { id: string, name: string }

var publicNetworkAccess = isPrivate ? 'Disabled' : 'Enabled'

@description('Entra-only: what comes with the instrumentation key alone is refused.')
resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: publicNetworkAccess
    publicNetworkAccessForQuery: publicNetworkAccess
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, principalId, 'Monitoring Metrics Publisher')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Monitoring Metrics Publisher']
    )
  }
}

// Without it, Azure Monitor has no private endpoints. Open: it must not close Azure Monitor to what else is in a network;
// what is closed is the workspace, and Application Insights.
resource privateLinkScope 'Microsoft.Insights/privateLinkScopes@2021-09-01' = if (isPrivate) {
  name: 'ampls-${name}'
  location: 'global'
  tags: tags
  properties: { accessModeSettings: { ingestionAccessMode: 'Open', queryAccessMode: 'Open' } }

  resource logs 'scopedResources' = {
    name: workspace.name
    properties: { linkedResourceId: workspace.id }
  }

  // One after the other: a scope refuses two at once.
  resource telemetry 'scopedResources' = {
    name: applicationInsights.name
    properties: { linkedResourceId: applicationInsights.id }
    dependsOn: [logs]
  }
}

@description('Resource id of Application Insights.')
output id string = applicationInsights.id

@description('Where to send to. No secret: without the role, nothing is taken.')
output connectionString string = applicationInsights.properties.ConnectionString

@description('Resource id of the private link scope; empty where there is none.')
output privateLinkScopeId string = isPrivate ? privateLinkScope.id : ''
