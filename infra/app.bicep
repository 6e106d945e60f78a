import { appSettings } from 'settings.bicep'

@description('Name, which the names of the resources end with.')
param name string

@description('Azure region: one with the Flex Consumption plan.')
param location string

@description('Tags of the resources.')
param tags object

@description('The service in azure.yaml whose code is deployed here.')
param serviceName string

@description('The identity that the app runs as: identity.bicep.')
param identity { id: string, clientId: string }

@description('The storage account of the Functions host, by its URLs: storage.bicep.')
param storage { blob: string, queue: string, table: string }

@description('Container of that account that the package is deployed to.')
param packageContainer string

@description('Login servers of the registries.')
param registries string[]

@description('Where to send logs to.')
param applicationInsightsConnectionString string

@description('App settings.')
param settings appSettings

@description('What carries runs out: inline, one process; or durable, Durable Functions on as many instances as it takes.')
param engine 'inline' | 'durable'

@description('Version of Node.')
param nodeVersion string

@description('Memory of an instance, in MB.')
param instanceMemoryMB int

@description('How many instances each kind of function may have.')
param maximumInstanceCount int

@description('Resource id of a delegated subnet that the app sends from; none: it sends from the internet.')
param subnetId string?

@description('Whether the app can be reached by private endpoints only.')
param isPrivate bool

@description('Client id of the app registration that people sign in with to read the review page; none: the page takes a function key.')
param signInClientId string

@description('Key Vault reference to a client secret of that app registration; none: the app proves itself by its identity.')
param signInKeyVaultReference string

// App Service Authentication reads the secret from the app setting of this name. The first is no secret: it tells the
// platform to prove the app by its identity.
var signInSecretName = empty(signInKeyVaultReference)
  ? 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
  : 'MICROSOFT_PROVIDER_AUTHENTICATION_SECRET'
var hostLogLevel = { debug: 'Debug', trace: 'Trace' }[?toLower(settings.?LOG_LEVEL ?? '')] ?? ''
var signInSettings = {
  globalValidation: {
    requireAuthentication: true
    unauthenticatedClientAction: 'RedirectToLoginPage'
    redirectToProvider: 'azureactivedirectory'
    // Machines: what takes a function key, or the master key (/admin: to run the schedule's function by hand).
    excludedPaths: [
      '/admin/*'
      '/api/health'
      '/api/status'
      '/api/dry-run'
      '/api/plans/*'
      '/api/runs'
      '/api/runs/*'
      '/api/explain'
      '/api/in-use'
      '/api/unpulled'
      '/api/risk'
      '/api/check'
      '/api/quarantine'
      '/api/quarantine/*'
      '/api/openapi.json'
    ]
  }
  httpSettings: { requireHttps: true }
  identityProviders: {
    azureActiveDirectory: {
      enabled: true
      registration: {
        clientId: signInClientId
        clientSecretSettingName: signInSecretName
        openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
      }
      validation: { allowedAudiences: [signInClientId, 'api://${signInClientId}'] }
    }
  }
  login: { tokenStore: { enabled: false } }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: 'func-${name}'
  location: location
  tags: { ...tags, 'azd-service-name': serviceName }
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: subnetId
    keyVaultReferenceIdentity: identity.id
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
    functionAppConfig: {
      runtime: { name: 'node', version: nodeVersion }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.blob}${packageContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        // It limits cost, and roughly: HTTP may get more instances for a while. What keeps two runs apart is the lock of the
        // registry in the record, which holds whatever instance a run is on. Durable: 40 instances of 8 activities each
        // (host.json) are 4 repositories of each of 80 registries at once. None is always ready: that costs all day, for a
        // run at night.
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }

  // The children of the site are written one after the other: two at once can end in a conflict.
  resource appsettings 'config' = {
    name: 'appsettings'
    properties: {
      // The host's own. Durable Functions finds its queues and tables by them, too.
      // By URLs rather than a name, to which the host would add the suffix of the public cloud.
      AzureWebJobsStorage__blobServiceUri: storage.blob
      AzureWebJobsStorage__queueServiceUri: storage.queue
      AzureWebJobsStorage__tableServiceUri: storage.table
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.clientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.clientId};Authorization=AAD'
      // Node keeps its heap small: a large repository takes some 200 MB less, for some more work.
      languageWorkers__node__arguments: '--max-semi-space-size=4 --heap-growing-percent=20'
      // What follows from what is deployed.
      ACR_REGISTRY: join(registries, ',')
      AZURE_CLIENT_ID: identity.clientId
      RETENTION_STORAGE: storage.blob
      ...(engine == 'durable' ? { RETENTION_ENGINE: engine } : {})
      ...toObject(
        filter(items(settings), setting => !empty(setting.value)),
        setting => setting.key,
        setting => setting.value
      )
      // The host drops lines below its own level, before the app's level is asked.
      ...(empty(hostLogLevel) ? {} : { AzureFunctionsJobHost__logging__logLevel__Function: hostLogLevel })
      ...(empty(signInClientId)
        ? {}
        : { '${signInSecretName}': empty(signInKeyVaultReference) ? identity.clientId : signInKeyVaultReference })
    }
  }

  // Deploying takes an Entra token instead.
  resource ftpPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
    dependsOn: [appsettings]
  }

  resource deploymentPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
    dependsOn: [ftpPassword]
  }

  // Deployed in any case: what is left out of a deployment stays as it was. Last: it names an app setting.
  resource signIn 'config' = {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: !empty(signInClientId) }
      ...(empty(signInClientId) ? {} : signInSettings)
    }
    dependsOn: [deploymentPassword]
  }
}

@description('Resource id.')
output id string = app.id

@description('Name.')
output name string = app.name

@description('Host name, e.g. func-….azurewebsites.net.')
output hostName string = app.properties.defaultHostName
