/*
  The command line as a Container Apps job on a schedule, for a registry that exists: an alternative to main.bicep. It is
  deployed to a resource group of its own. Values come from job.bicepparam.
*/

import { evidenceSettings } from '../settings.bicep'

@minLength(2)
@maxLength(30)
@description('Name of the job, which the names of the other resources end with: small letters, digits and hyphens.')
param name string = 'acr-retention'

@description('Azure region.')
param location string = resourceGroup().location

@description('Name of the registry: it exists already.')
param registryName string

@description('Resource group of the registry.')
param registryResourceGroup string

@description('Subscription of the registry. Default, and where empty: the one that is deployed to.')
param registrySubscriptionId string = subscription().subscriptionId

@allowed(['rbac', 'abac'])
@description('How the registry decides on permissions (its "role assignment permissions mode").')
param registryPermissions string = 'rbac'

@description('With abac: the only repositories that are granted besides that of the image, by the beginnings of their names; end them with a slash. None: all of them.')
param repositoryPrefixes string[] = []

@description('Whether the identity may only read the registry. Then every run is a dry run.')
param dryRunOnly bool = true

@description('Whether the identity may make artifacts unreadable without --quarantine in purge, too: for a policy file with a quarantine of its own. With dryRunOnly it never may.')
param grantQuarantine bool = false

@description('The image in that registry, e.g. acr-retention:0.1.0, or by digest.')
param image string

@description('When to run, in UTC: five fields.')
param schedule string

@description('What to purge: flags of acr-retention purge, one each.')
param purge string[]

@minValue(1)
@description('After so many minutes a run stops between deletions. The next one begins anew with what is left.')
param timeBudgetInMinutes int

@description('What is asked before something is deleted: docs/in-use.md, docs/pulls.md. What is left out or empty has the default of the command.')
param settings evidenceSettings = {}

@description('Who is told of its runs: the URI of a secret in a key vault that the identity may read, with addresses, one a line (docs/notifications.md).')
param notifySecretUri string = ''

@description('With KEEP_PULLED_WITHIN: whether the registry is made to send its events to the workspace of the job. Otherwise it sends them to a workspace already.')
param registryDiagnostics bool = true

@description('Object ids of the identities by which clusters write which images they run: they may write to the container in-use of the storage account, and nothing else.')
param inUseWriterIds string[] = []

@description('How many days logs are kept.')
param logRetentionInDays int

var tags = { application: 'acr-retention' }
var identityName = 'id-${name}'
var registrySubscription = empty(registrySubscriptionId) ? subscription().subscriptionId : registrySubscriptionId
var looksUpPulls = !empty(settings.?KEEP_PULLED_WITHIN)
var readsDefender = contains(split(toLower(settings.?FINDINGS ?? ''), [' ', ',', '\n', '\r', '\t']), 'defender')
// As it is written: --quarantine=14d, or two flags.
var hasQuarantine = grantQuarantine || !empty(filter(
  purge,
  one => startsWith(one, '--quarantine') && one != '--quarantine=off'
))
var evidence = {
  ...settings
  REGISTRY_RESOURCE_ID: !empty(settings.?REGISTRY_RESOURCE_ID)
    ? settings.?REGISTRY_RESOURCE_ID
    : looksUpPulls || readsDefender
        ? '/subscriptions/${registrySubscription}/resourceGroups/${registryResourceGroup}/providers/Microsoft.ContainerRegistry/registries/${registryName}'
        : null
}

module identity '../identity.bicep' = {
  params: { name: identityName, location: location, tags: tags }
}

// With these roles the image is pulled, too.
module permissions '../registry.bicep' = {
  scope: resourceGroup(registrySubscription, registryResourceGroup)
  params: {
    registryName: registryName
    principalId: identity.outputs.principalId
    permissions: registryPermissions
    dryRunOnly: dryRunOnly
    mayQuarantine: hasQuarantine
    repositoryPrefixes: empty(repositoryPrefixes) ? [] : [...repositoryPrefixes, split(image, [':', '@'])[0]]
  }
}

module pulls '../pulls.bicep' = if (looksUpPulls) {
  scope: resourceGroup(registrySubscription, registryResourceGroup)
  params: {
    registryName: registryName
    environmentName: name
    principalId: identity.outputs.principalId
    workspaceId: registryDiagnostics ? workspace.outputs.id : ''
  }
}

module defender '../defender.bicep' = if (readsDefender) {
  scope: subscription(registrySubscription)
  params: { principalId: identity.outputs.principalId }
}

module storage '../storage.bicep' = {
  params: {
    name: 'st${uniqueString(resourceGroup().id, name)}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    isPrivate: false
    workspaceId: workspace.outputs.id
    containers: []
    inUseWriterIds: inUseWriterIds
    hasTaskHub: false
  }
}

module workspace '../workspace.bicep' = {
  params: {
    name: 'log-${name}'
    location: location
    tags: tags
    isPrivate: false
    retentionInDays: logRetentionInDays
  }
}

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' = {
  name: 'cae-${name}'
  location: location
  tags: tags
  properties: {
    // Through Azure Monitor: straight to the workspace would take its shared key, which it refuses.
    appLogsConfiguration: { destination: 'azure-monitor' }
    workloadProfiles: [{ name: 'Consumption', workloadProfileType: 'Consumption' }]
  }
}

// As in storage.bicep.
#disable-next-line use-recent-api-versions
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: environment
  name: 'logs'
  properties: {
    workspaceId: workspace.outputs.id
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource job 'Microsoft.App/jobs@2026-01-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    // By its name: what the module says of it is known too late for a key.
    userAssignedIdentities: {
      '${resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', identityName)}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Schedule'
      // One at a time: of two that delete, the lock of the record would refuse the second.
      scheduleTriggerConfig: { cronExpression: schedule, parallelism: 1, replicaCompletionCount: 1 }
      // No second try. Calls are retried already, and the next run tries again what failed nevertheless.
      replicaRetryLimit: 0
      // Longer than the time budget, by what it takes to start, to finish deletions and to close the record.
      replicaTimeout: (timeBudgetInMinutes + 10) * 60
      registries: [{ server: permissions.outputs.loginServer, identity: identity.outputs.id }]
      ...(empty(notifySecretUri)
        ? {}
        : { secrets: [{ name: 'notify', keyVaultUrl: notifySecretUri, identity: identity.outputs.id }] })
    }
    template: {
      containers: [
        {
          name: 'acr-retention'
          image: '${permissions.outputs.loginServer}/${image}'
          args: ['purge', ...purge, '--time-budget=${timeBudgetInMinutes}m', ...(dryRunOnly ? ['--dry-run'] : [])]
          env: [
            { name: 'ACR_REGISTRY', value: permissions.outputs.loginServer }
            { name: 'AZURE_CLIENT_ID', value: identity.outputs.clientId }
            { name: 'RETENTION_STORAGE', value: storage.outputs.endpoints.blob }
            ...map(
              filter(items(evidence), setting => !empty(setting.value)),
              setting => { name: setting.key, value: setting.value }
            )
            ...(empty(notifySecretUri) ? [] : [{ name: 'NOTIFY', secretRef: 'notify' }])
          ]
          resources: { cpu: json('0.5'), memory: '1Gi' }
        }
      ]
    }
  }
}

@description('Name of the job: az containerapp job start --name <name>.')
output JOB_NAME string = job.name

@description('Where the record of all runs is: RETENTION_STORAGE for the command line.')
output RETENTION_STORAGE string = storage.outputs.endpoints.blob

@description('Object id of the identity that it runs as: what IN_USE names in Azure is granted to it (docs/deploying.md).')
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('Where clusters write which images they run: acr-retention report-images --to <this URL>prod.txt.')
output IN_USE_URL string = storage.outputs.inUseUrl
