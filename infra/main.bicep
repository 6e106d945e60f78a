/*
  acr-retention as a Function app, with all that it needs: in a resource group of its own, for registries that exist.
  Values come from main.bicepparam.
*/
targetScope = 'subscription'

import { appSettings } from 'settings.bicep'

@minLength(1)
@maxLength(40)
@description('Names this deployment: its resource group, and with it every resource.')
param environmentName string

@description('Azure region: one with the Flex Consumption plan.')
param location string

@description('Name of the registry, which exists already. Several: with commas; those of another resource group by their resource ids.')
param registryName string

@description('Resource group of the registries that are given by name.')
param registryResourceGroup string

@description('Their subscription. Default, and where empty: the one that is deployed to.')
param registrySubscriptionId string = subscription().subscriptionId

@allowed(['rbac', 'abac'])
@description('How the registries decide on permissions (its "role assignment permissions mode"): "RBAC Registry Permissions", or "RBAC Registry + ABAC Repository Permissions".')
param registryPermissions string = 'rbac'

@description('With abac: the only repositories that are granted, by the beginnings of their names; end them with a slash. None: all of them.')
param repositoryPrefixes string[] = []

@description('Whether the identity may only read the registries. Then PURGE_DRY_RUN is true, whatever the settings say.')
param dryRunOnly bool = true

@description('Whether the identity may make artifacts unreadable without QUARANTINE, too: for a command or a policy file with a quarantine of its own. With dryRunOnly it never may.')
param grantQuarantine bool = false

@description('With ARCHIVE: resource id of its storage account, which exists already. The container is made where it is missing.')
param archiveStorageId string = ''

@description('App settings. What is left out or empty has the default of the app; a command and a schedule, which the app has none for, those of this file.')
param settings appSettings = {}

@allowed(['inline', 'durable'])
@description('What carries runs out: inline, one process, one registry after the other; or durable, Durable Functions on as many instances as it takes. It gets the roles and private endpoints that it needs at the storage account of the app.')
param engine string = 'inline'

@allowed(['22', '24'])
@description('Version of Node that the app runs on.')
param nodeVersion string = '24'

@allowed([512, 2048, 4096])
@description('Memory of an instance, in MB.')
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
@description('How many instances each kind of function may have. Every region takes 40 and more; some take less. It is a limit on cost, and not what keeps two runs apart: the lock in the record does that.')
param maximumInstanceCount int = 40

@description('How many days logs are kept, from 30 to 730.')
param logRetentionInDays int = 90

@description('With KEEP_PULLED_WITHIN or QUARANTINE: whether the registries are made to send their events to the workspace of the app. Otherwise they send them to a workspace already.')
param registryDiagnostics bool = true

@description('Object ids of the identities by which clusters that the app cannot reach write which images they run: they may write to the container in-use of the storage account, and nothing else.')
param inUseWriterIds string[] = []

@description('Resource ids of action groups that alerts go to. None: alerts are shown in the portal only.')
param actionGroupIds string[] = []

@description('Whether nothing can be reached from the internet: registry, storage, logs and app by private endpoints only, and the app sends through the virtual network.')
param privateNetwork bool = false

@description('Address space of the virtual network that is made for it: a /24 or larger.')
param networkAddressPrefix string = '10.64.0.0/24'

@description('Instead of a new network: resource id of a subnet that is delegated to Microsoft.App/environments. Without privateNetwork the app sends through it, and nothing else changes.')
param functionSubnetId string = ''

@description('Instead of a new network: resource id of a subnet for private endpoints. The operator of that network enters their names.')
param privateEndpointSubnetId string = ''

@description('Whether the network that is made for it gets a NAT gateway with a public address, by which the app can send to the internet. Without one it cannot. Sign-in and Key Vault references need it.')
param natGateway bool = false

@description('Client id of an app registration that people sign in with to read the review page. None: the page takes a function key.')
param signInClientId string = ''

@description('Key Vault reference to a client secret of that app registration. None: the app proves itself by its identity, and there is no secret.')
param signInKeyVaultReference string = ''

var unique = uniqueString(subscription().id, environmentName, location)
// The name of an app takes letters, digits and hyphens only.
var plainName = reduce(
  ['_', '.', '(', ')'],
  toLower(environmentName),
  (name, other) => replace(string(name), other, '-')
)
var token = '${plainName}-${unique}'
var tags = { 'azd-env-name': environmentName }
var packageContainer = 'package'

var given = filter(map(split(registryName, ','), one => trim(one)), one => !empty(one))

// The suffixes of private DNS zones that no function of Bicep gives, by cloud: Microsoft Learn, "Azure Private Endpoint
// private DNS zone values".
var clouds = {
  AzureCloud: { sites: 'azurewebsites.net', monitor: 'azure.com', automation: 'net' }
  AzureUSGovernment: { sites: 'azurewebsites.us', monitor: 'azure.us', automation: 'us' }
  AzureChinaCloud: { sites: 'chinacloudsites.cn', monitor: 'azure.cn', automation: 'cn' }
}
var cloud = clouds[environment().name]

var isNetworkGiven = !empty(functionSubnetId)
var ownsNetwork = privateNetwork && !isNetworkGiven
var password = settings.?ACR_PASSWORD ?? ''
var addresses = settings.?NOTIFY ?? ''
var keyVaultReference = '@Microsoft.KeyVault('
var usesKeyVault = !empty(filter(
  [password, addresses, signInKeyVaultReference],
  one => startsWith(one, keyVaultReference)
))

// What is asked for images in use, as the app reads it: one a line, or separated by blanks.
var inUse = filter(split(settings.?IN_USE ?? '', [' ', '\n', '\r', '\t']), one => !empty(one))
var inUseClusters = filter(inUse, one => startsWith(toLower(one), 'aks:/'))
var inUseScopes = filter(
  inUse,
  one => contains(['aks', 'containerapps', 'appservice', 'aci'], toLower(split(one, ':')[0])) && !contains(one, '/')
)
var inUseClusterSubscriptions = map(
  inUseClusters,
  one => length(split(one, '/')) == 9 ? toLower(split(one, '/')[2]) : ''
)
var inUseSubscriptions = union(map(inUseScopes, one => toLower(last(split(one, ':')))), inUseClusterSubscriptions)

// What Defender found is in the subscription of each registry, as the app reads the setting.
var readsDefender = contains(split(toLower(settings.?FINDINGS ?? ''), [' ', ',', '\n', '\r', '\t']), 'defender')

var archive = trim(settings.?ARCHIVE ?? '')
var archives = !empty(archive)

// By which something else would be granted, opened or shown than was meant. Said before anything is made.
var mistakes = [
  ...(empty(given) || (empty(registryResourceGroup) && !empty(filter(given, one => !startsWith(one, '/'))))
    ? ['REGISTRY_NAME, REGISTRY_RESOURCE_GROUP: set both, e.g. azd env set REGISTRY_NAME contoso.']
    : [])
  ...(empty(filter(given, one => startsWith(one, '/') && length(split(one, '/')) != 9))
    ? []
    : [
        'REGISTRY_NAME: a resource id is /subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerRegistry/registries/….'
      ])
  ...(privateNetwork && isNetworkGiven == empty(privateEndpointSubnetId)
    ? ['PRIVATE_NETWORK: set both FUNCTION_SUBNET_ID and PRIVATE_ENDPOINT_SUBNET_ID, or neither.']
    : [])
  ...(!privateNetwork && !empty(privateEndpointSubnetId)
    ? ['PRIVATE_ENDPOINT_SUBNET_ID: private endpoints take PRIVATE_NETWORK=true.']
    : [])
  ...(!empty(password) && !startsWith(password, keyVaultReference)
    ? ['ACR_PASSWORD: many can read what is deployed; write a Key Vault reference.']
    : [])
  ...(!empty(addresses) && !startsWith(addresses, keyVaultReference)
    ? ['NOTIFY: many can read what is deployed; write a Key Vault reference.']
    : [])
  ...(!empty(signInKeyVaultReference) && !startsWith(signInKeyVaultReference, keyVaultReference)
    ? ['SIGN_IN_KEY_VAULT_REFERENCE: many can read what is deployed; write a Key Vault reference.']
    : [])
  ...(!empty(signInKeyVaultReference) && empty(signInClientId)
    ? ['SIGN_IN_KEY_VAULT_REFERENCE: set SIGN_IN_CLIENT_ID, too, or neither.']
    : [])
  ...(natGateway && !ownsNetwork
    ? [
        'NAT_GATEWAY: it belongs to the network that PRIVATE_NETWORK=true makes. Give a network of your own its own way out.'
      ]
    : [])
  ...(ownsNetwork && !natGateway && (usesKeyVault || !empty(signInClientId))
    ? [
        'PRIVATE_NETWORK: sign-in and Key Vault references need a way out of the network. Set NAT_GATEWAY=true, use a network of your own that has one, or leave SIGN_IN_CLIENT_ID and the references empty.'
      ]
    : [])
  ...(ownsNetwork && !natGateway && !empty(inUseSubscriptions)
    ? [
        'PRIVATE_NETWORK: what IN_USE names in Azure is asked over the internet. Set NAT_GATEWAY=true, or use a network of your own that has a way out.'
      ]
    : [])
  ...(ownsNetwork && !natGateway && readsDefender
    ? [
        'PRIVATE_NETWORK: what Defender for Cloud found (FINDINGS) is asked over the internet. Set NAT_GATEWAY=true, or use a network of your own that has a way out.'
      ]
    : [])
  ...(empty(filter(inUseSubscriptions, one => length(one) != 36))
    ? []
    : [
        'IN_USE: write the id of a subscription, aks:<id>, or the resource id of a cluster, aks:/subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerService/managedClusters/….'
      ])
  ...(archives == (length(split(archiveStorageId, '/')) == 9)
    ? []
    : [
        'ARCHIVE, ARCHIVE_STORAGE_ID: set both. The second is /subscriptions/…/resourceGroups/…/providers/Microsoft.Storage/storageAccounts/….'
      ])
  ...(archives && length(split(archive, '/')) < 4
    ? ['ARCHIVE: write the URL of a container, its name included (docs/archive.md).']
    : [])
  ...(empty(filter(inUseWriterIds, one => length(one) != 36))
    ? []
    : [
        'IN_USE_WRITER_IDS: write the object ids of identities (az identity show --query principalId), with commas.'
      ])
]
var registries = map(empty(mistakes) ? given : fail(join(mistakes, ' ')), one => {
  name: last(split(one, '/'))
  resourceGroup: startsWith(one, '/') ? split(one, '/')[4] : registryResourceGroup
  subscriptionId: startsWith(one, '/')
    ? split(one, '/')[2]
    : empty(registrySubscriptionId) ? subscription().subscriptionId : registrySubscriptionId
})

// As the app reads it: off is none.
var hasQuarantine = grantQuarantine || !contains(['', 'off'], trim(settings.?QUARANTINE ?? ''))

// When something was pulled is in the log of each registry, and whether a client asked for what is in quarantine.
var looksUpPulls = !empty(settings.?KEEP_PULLED_WITHIN) || hasQuarantine
// As the app reads it.
var asksStorage = contains(['on', 'true'], toLower(trim(settings.?STORAGE ?? '')))
var registryIds = map(
  registries,
  one =>
    '/subscriptions/${one.subscriptionId}/resourceGroups/${one.resourceGroup}/providers/Microsoft.ContainerRegistry/registries/${one.name}'
)

var saysWhatToPurge = !empty(settings.?PURGE_COMMAND) || !empty(settings.?ACR_TASK_FILE) || !empty(settings.?RETENTION_POLICY_FILE) || !empty(settings.?RETENTION_POLICY)
var allSettings = {
  ...settings
  PURGE_COMMAND: saysWhatToPurge
    ? settings.?PURGE_COMMAND
    : '--filter \'.*:^(dev|pr|ci)-\' --ago 30d --keep 3 --untagged'
  PURGE_SCHEDULE: !empty(settings.?PURGE_SCHEDULE) ? settings.?PURGE_SCHEDULE : '0 1 * * *'
  REGISTRY_RESOURCE_ID: !empty(settings.?REGISTRY_RESOURCE_ID)
    ? settings.?REGISTRY_RESOURCE_ID
    : looksUpPulls || readsDefender || asksStorage ? join(registryIds, ' ') : null
  PURGE_DRY_RUN: !dryRunOnly && !empty(settings.?PURGE_DRY_RUN) ? settings.?PURGE_DRY_RUN : 'true'
}

var isDurable = engine == 'durable'
// Of the storage account, what the app uses.
var services = isDurable ? ['blob', 'queue', 'table'] : ['blob']
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var queueZone = 'privatelink.queue.${environment().suffixes.storage}'
var tableZone = 'privatelink.table.${environment().suffixes.storage}'
var registryZone = 'privatelink${environment().suffixes.acrLoginServer}'
var appZone = 'privatelink.${cloud.sites}'
var monitorZones = [
  'privatelink.monitor.${cloud.monitor}'
  'privatelink.oms.opinsights.${cloud.monitor}'
  'privatelink.ods.opinsights.${cloud.monitor}'
  'privatelink.agentsvc.azure-automation.${cloud.automation}'
]
// By what a private endpoint leads to, the private DNS zones that it is entered in.
var zones = {
  blob: [blobZone]
  queue: [queueZone]
  table: [tableZone]
  registry: [registryZone]
  sites: [appZone]
  // Microsoft Learn, "Configure private link for Azure Monitor".
  azuremonitor: [...monitorZones, blobZone]
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  scope: group
  params: { name: 'id-${token}', location: location, tags: tags }
}

module permissions 'registry.bicep' = [
  for registry in registries: {
    scope: resourceGroup(registry.subscriptionId, registry.resourceGroup)
    params: {
      registryName: registry.name
      principalId: identity.outputs.principalId
      permissions: registryPermissions
      dryRunOnly: dryRunOnly
      mayQuarantine: hasQuarantine
      repositoryPrefixes: repositoryPrefixes
    }
  }
]

module pulls 'pulls.bicep' = [
  for registry in registries: if (looksUpPulls) {
    scope: resourceGroup(registry.subscriptionId, registry.resourceGroup)
    params: {
      registryName: registry.name
      environmentName: environmentName
      principalId: identity.outputs.principalId
      workspaceId: registryDiagnostics ? workspace.outputs.id : ''
    }
  }
]

module defender 'defender.bicep' = [
  for id in readsDefender ? union(map(registries, one => one.subscriptionId), []) : []: {
    scope: subscription(id)
    params: { principalId: identity.outputs.principalId }
  }
]

module usage 'usage.bicep' = [
  for registry in registries: if (asksStorage) {
    scope: resourceGroup(registry.subscriptionId, registry.resourceGroup)
    params: {
      registryName: registry.name
      environmentName: environmentName
      principalId: identity.outputs.principalId
    }
  }
]

// After the mistakes were said.
var readSubscriptions = empty(mistakes) ? inUseSubscriptions : []
var readClusters = empty(mistakes) ? inUseClusters : []

module inUseRoles 'in-use.bicep' = [
  for id in readSubscriptions: {
    scope: subscription(id)
    params: {
      environmentName: environmentName
      principalId: identity.outputs.principalId
      kinds: union(
        map(filter(inUseScopes, one => toLower(last(split(one, ':'))) == id), one => toLower(split(one, ':')[0])),
        []
      )
      hasClusters: contains(inUseClusterSubscriptions, id)
    }
  }
]

module inUseClusterRoles 'in-use-cluster.bicep' = [
  for id in readClusters: {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      clusterName: last(split(id, '/'))
      principalId: identity.outputs.principalId
      roleId: inUseRoles[indexOf(readSubscriptions, toLower(split(id, '/')[2]))].outputs.clusterRoleId
    }
  }
]

// A run that only reads archives nothing.
module archiveRole 'archive.bicep' = if (archives && !dryRunOnly && empty(mistakes)) {
  scope: resourceGroup(
    archives ? split(archiveStorageId, '/')[2] : subscription().subscriptionId,
    archives ? split(archiveStorageId, '/')[4] : group.name
  )
  params: {
    accountName: last(split(archiveStorageId, '/'))
    containerName: split(archive, '/')[3]
    principalId: identity.outputs.principalId
  }
}

module storage 'storage.bicep' = {
  scope: group
  params: {
    name: 'st${unique}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    isPrivate: privateNetwork
    workspaceId: workspace.outputs.id
    containers: [packageContainer]
    // After the mistakes were said.
    inUseWriterIds: empty(mistakes) ? inUseWriterIds : []
    hasTaskHub: isDurable
  }
}

module workspace 'workspace.bicep' = {
  scope: group
  params: {
    name: 'log-${token}'
    location: location
    tags: tags
    isPrivate: privateNetwork
    retentionInDays: logRetentionInDays
  }
}

module applicationInsights 'application-insights.bicep' = {
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspace: { id: workspace.outputs.id, name: workspace.outputs.name }
    isPrivate: privateNetwork
  }
}

module alerts 'alerts.bicep' = {
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    applicationInsightsId: applicationInsights.outputs.id
    actionGroupIds: actionGroupIds
  }
}

module workbook 'workbook.bicep' = {
  scope: group
  params: { name: token, location: location, tags: tags, applicationInsightsId: applicationInsights.outputs.id }
}

module network 'network.bicep' = if (ownsNetwork) {
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    addressPrefix: networkAddressPrefix
    hasNatGateway: natGateway
    zoneNames: [blobZone, ...(isDurable ? [queueZone, tableZone] : []), registryZone, appZone, ...monitorZones]
  }
}

module app 'app.bicep' = {
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    serviceName: 'acr-retention'
    identity: { id: identity.outputs.id, clientId: identity.outputs.clientId }
    storage: storage.outputs.endpoints
    packageContainer: packageContainer
    registries: [for (_, i) in registries: permissions[i].outputs.loginServer]
    applicationInsightsConnectionString: applicationInsights.outputs.connectionString
    settings: allSettings
    engine: engine
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    subnetId: ownsNetwork ? network!.outputs.functionSubnetId : empty(functionSubnetId) ? null : functionSubnetId
    isPrivate: privateNetwork
    signInClientId: signInClientId
    signInKeyVaultReference: signInKeyVaultReference
  }
  // Without these it could not reach its storage when it starts.
  dependsOn: [endpoints, registryEndpoints]
}

var endpointSubnetId = ownsNetwork ? network!.outputs.privateEndpointSubnetId : privateEndpointSubnetId

module endpoints 'private-endpoint.bicep' = [
  for target in [...services, 'azuremonitor']: if (privateNetwork) {
    scope: group
    params: {
      name: token
      location: location
      tags: tags
      subnetId: endpointSubnetId
      groupId: target
      targetId: target == 'azuremonitor' ? applicationInsights.outputs.privateLinkScopeId : storage.outputs.id
      zoneNames: ownsNetwork ? zones[target] : []
    }
  }
]

module registryEndpoints 'private-endpoint.bicep' = [
  for (registry, i) in registries: if (privateNetwork) {
    scope: group
    params: {
      // An endpoint cannot be led elsewhere: its name belongs to its registry, but for the first.
      name: i == 0 ? token : '${token}-${take(uniqueString(registry.subscriptionId, registry.name), 8)}'
      location: location
      tags: tags
      subnetId: endpointSubnetId
      groupId: 'registry'
      targetId: permissions[i].outputs.id
      zoneNames: ownsNetwork ? zones.registry : []
    }
  }
]

module appEndpoint 'private-endpoint.bicep' = if (privateNetwork) {
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    subnetId: endpointSubnetId
    groupId: 'sites'
    targetId: app.outputs.id
    zoneNames: ownsNetwork ? zones.sites : []
  }
}

@description('Resource group of the app.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output FUNCTION_APP_NAME string = app.outputs.name

@description('Where it answers.')
output FUNCTION_APP_URL string = 'https://${app.outputs.hostName}'

@description('Object id of the identity that it runs as.')
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('Where the record of all runs is: RETENTION_STORAGE for the command line.')
output RETENTION_STORAGE string = storage.outputs.endpoints.blob

@description('Where clusters write which images they run: acr-retention report-images --to <this URL>prod.txt.')
output IN_USE_URL string = storage.outputs.inUseUrl
