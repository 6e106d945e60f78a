@description('Name of the Log Analytics workspace.')
param name string

@description('Azure region.')
param location string

@description('Tags of the resource.')
param tags object

@description('Whether it can be reached by private endpoints only: for sending, and for reading (the portal, too).')
param isPrivate bool

@minValue(30)
@maxValue(730)
@description('How many days logs are kept. The record in the storage account is kept by RETENTION_LEDGER_DAYS.')
param retentionInDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionInDays
    features: { disableLocalAuth: true }
    publicNetworkAccessForIngestion: isPrivate ? 'Disabled' : 'Enabled'
    publicNetworkAccessForQuery: isPrivate ? 'Disabled' : 'Enabled'
  }
}

@description('Resource id.')
output id string = workspace.id

@description('Name.')
output name string = workspace.name
