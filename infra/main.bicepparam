/*
  The values of a deployment, read from the environment: `azd env set <NAME> <value>` sets one for azd, `export` for
  `az deployment sub create`. Or write them here. Only the registry has no default.
*/
using 'main.bicep'

// Names the resource group (rg-<name>), and with it every resource. azd asks for it.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'acr-retention')
// Where it runs: a region with the Flex Consumption plan, best that of the registry. azd asks for it.
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')

// The registry, by its name without a domain. Several: with commas; those of another resource group by their resource ids.
param registryName = readEnvironmentVariable('REGISTRY_NAME', '')
// The resource group that it is in, or they are.
param registryResourceGroup = readEnvironmentVariable('REGISTRY_RESOURCE_GROUP', '')
// The subscription of that resource group, if that is another one than is deployed to.
param registrySubscriptionId = readEnvironmentVariable('REGISTRY_SUBSCRIPTION_ID', '')
// rbac, or abac: az acr show --name <registry> --query roleAssignmentMode (AbacRepositoryPermissions is abac).
param registryPermissions = readEnvironmentVariable('REGISTRY_PERMISSIONS', 'rbac')
// With abac: grant only these repositories, by the beginnings of their names, e.g. team-a/,team-b/.
param repositoryPrefixes = filter(split(readEnvironmentVariable('REPOSITORY_PREFIXES', ''), ','), text => !empty(text))
// true: the identity can read, and nothing else. false: it can delete, too; PURGE_DRY_RUN says whether the schedule does.
param dryRunOnly = bool(readEnvironmentVariable('DRY_RUN_ONLY', 'true'))

// true: with a quarantine that a command or a policy file says: the identity may make artifacts unreadable. QUARANTINE
// does that as well.
param grantQuarantine = bool(readEnvironmentVariable('GRANT_QUARANTINE', 'false'))

// With ARCHIVE: the resource id of its storage account. The identity may then write to that container, and nothing else.
param archiveStorageId = readEnvironmentVariable('ARCHIVE_STORAGE_ID', '')

// App settings; empty: the default. docs/settings.md says what each means.
param settings = {
  // What to purge: the flags of acr purge, or whole commands, one a line.
  PURGE_COMMAND: readEnvironmentVariable('PURGE_COMMAND', '')
  // Instead: an ACR Task file that lies at the top of this project.
  ACR_TASK_FILE: readEnvironmentVariable('ACR_TASK_FILE', '')
  // Instead: a policy file that lies at the top of this project.
  RETENTION_POLICY_FILE: readEnvironmentVariable('RETENTION_POLICY_FILE', '')
  // Instead: the text of a policy file.
  RETENTION_POLICY: readEnvironmentVariable('RETENTION_POLICY', '')
  // When, in UTC.
  PURGE_SCHEDULE: readEnvironmentVariable('PURGE_SCHEDULE', '')
  // false: the schedule deletes. Needs dryRunOnly = false.
  PURGE_DRY_RUN: readEnvironmentVariable('PURGE_DRY_RUN', '')
  // How long a run may take before it is stopped. The next run resumes it.
  RUN_TIME_BUDGET: readEnvironmentVariable('RUN_TIME_BUDGET', '')
  // How many repositories of one registry the durable engine works on at a time, from 1 to 32.
  REGISTRY_PARALLELISM: readEnvironmentVariable('REGISTRY_PARALLELISM', '')
  // How many artifacts one run may delete.
  MAX_DELETIONS: readEnvironmentVariable('MAX_DELETIONS', '')
  // How many percent of a repository's tags, and of the registry's manifests.
  MAX_DELETION_PERCENT: readEnvironmentVariable('MAX_DELETION_PERCENT', '')
  // How many times the median of the last runs.
  MAX_MEDIAN_FACTOR: readEnvironmentVariable('MAX_MEDIAN_FACTOR', '')
  // Whether a repository must keep a tag.
  KEEP_LAST_TAG: readEnvironmentVariable('KEEP_LAST_TAG', '')
  // How long what would be deleted is unreadable first, e.g. 14d. The identity may then write metadata.
  QUARANTINE: readEnvironmentVariable('QUARANTINE', '')
  // Where what is deleted is archived first: https://<account>.blob.core.windows.net/<container>. ARCHIVE_STORAGE_ID is
  // the account.
  ARCHIVE: readEnvironmentVariable('ARCHIVE', '')
  // on: runs say what they free. Each manifest is read once for it; the identity may then read how much the registry uses.
  STORAGE: readEnvironmentVariable('STORAGE', '')
  // What a GiB above what the tier includes costs in a month, e.g. 0.10: for what a run says of costs.
  STORAGE_PRICE: readEnvironmentVariable('STORAGE_PRICE', '')
  // What says which images are in use, with blanks between: aks:<id>, containerapps:<subscription id>, list:<URL>, ...
  // What it names in Azure is granted: docs/deploying.md.
  IN_USE: readEnvironmentVariable('IN_USE', '')
  // How long an image is kept after it was seen in use last.
  IN_USE_REMEMBER: readEnvironmentVariable('IN_USE_REMEMBER', '')
  // How old a list of images in use may be.
  IN_USE_LIST_MAX_AGE: readEnvironmentVariable('IN_USE_LIST_MAX_AGE', '')
  // What was pulled within that time is kept, e.g. 30d. The identity may then read the log of the registries.
  KEEP_PULLED_WITHIN: readEnvironmentVariable('KEEP_PULLED_WITHIN', '')
  // What says which vulnerabilities images have: defender, referrers, or both. With defender the identity may read what
  // Defender for Cloud found in the subscriptions of the registries.
  FINDINGS: readEnvironmentVariable('FINDINGS', '')
  // By which their logs and findings are found; empty: those that are purged.
  REGISTRY_RESOURCE_ID: readEnvironmentVariable('REGISTRY_RESOURCE_ID', '')
  // Whose pulls do not count, with blanks between: object ids, and how clients begin their user agents.
  PULL_IGNORE: readEnvironmentVariable('PULL_IGNORE', '')
  // How long the log of a registry may be without any event.
  PULL_LOG_MAX_SILENCE: readEnvironmentVariable('PULL_LOG_MAX_SILENCE', '')
  // How old a plan may be that is carried out.
  PLAN_MAX_AGE: readEnvironmentVariable('PLAN_MAX_AGE', '')
  // Above how many deletions an approval on the page wants the name of the registry typed.
  APPROVAL_TYPED: readEnvironmentVariable('APPROVAL_TYPED', '')
  // true: a person cannot approve the plan of a run that the same person began.
  APPROVAL_FOUR_EYES: readEnvironmentVariable('APPROVAL_FOUR_EYES', '')
  // How many days runs stay in the record.
  RETENTION_LEDGER_DAYS: readEnvironmentVariable('RETENTION_LEDGER_DAYS', '')
  // Who is told of what happens: a Key Vault reference. The secret has the addresses, one a line: docs/notifications.md.
  NOTIFY: readEnvironmentVariable('NOTIFY', '')
  // What is told, with blanks between: plan-waits guard-tripped run-failed schedule-overdue image-released
  // deletion-done.
  NOTIFY_ON: readEnvironmentVariable('NOTIFY_ON', '')
  // How long a plan waits for approval before it is said once more.
  APPROVAL_REMIND: readEnvironmentVariable('APPROVAL_REMIND', '')
  // Where people reach the app, where that is not its own host name: the links in messages lead there.
  REVIEW_URL: readEnvironmentVariable('REVIEW_URL', '')
  // debug: what is kept is logged, too.
  LOG_LEVEL: readEnvironmentVariable('LOG_LEVEL', '')
  // The audience of another cloud, e.g. https://management.usgovcloudapi.net.
  ACR_AUDIENCE: readEnvironmentVariable('ACR_AUDIENCE', '')
  // A repository-scoped token instead of the identity: its name,
  ACR_USERNAME: readEnvironmentVariable('ACR_USERNAME', '')
  // and its password, as a Key Vault reference.
  ACR_PASSWORD: readEnvironmentVariable('ACR_PASSWORD', '')
}

// inline: one process does it all. durable: Durable Functions, for many registries, and runs of hours.
param engine = readEnvironmentVariable('RETENTION_ENGINE', 'inline')

// Version of Node: 22 or 24.
param nodeVersion = readEnvironmentVariable('NODE_VERSION', '24')
// Memory of an instance, in MB: 512, 2048 or 4096. A run took up to 369 MB, for 140,000 manifests.
param instanceMemoryMB = any(int(readEnvironmentVariable('INSTANCE_MEMORY_MB', '2048')))
// How many instances each kind of function may have, from 1 to 1000; less than 40 only where your region takes it.
param maximumInstanceCount = int(readEnvironmentVariable('MAXIMUM_INSTANCE_COUNT', '40'))
// How many days logs are kept, from 30 to 730.
param logRetentionInDays = int(readEnvironmentVariable('LOG_RETENTION_DAYS', '90'))

// true: the registries send their events to the workspace that is made. false: they send them somewhere already.
param registryDiagnostics = bool(readEnvironmentVariable('REGISTRY_DIAGNOSTICS', 'true'))

// Clusters that the app cannot reach: the object ids of the identities that write what they run, with commas.
param inUseWriterIds = filter(split(readEnvironmentVariable('IN_USE_WRITER_IDS', ''), ','), text => !empty(text))

// Who is told of alerts: resource ids of action groups, with commas.
param actionGroupIds = filter(split(readEnvironmentVariable('ACTION_GROUP_IDS', ''), ','), text => !empty(text))

// true: nothing can be reached from the internet, and the registry need not be either (it must be of the Premium tier).
param privateNetwork = bool(readEnvironmentVariable('PRIVATE_NETWORK', 'false'))
// The address space of the network that is made for it: a /24 that nothing else uses.
param networkAddressPrefix = readEnvironmentVariable('NETWORK_ADDRESS_PREFIX', '10.64.0.0/24')
// A network that exists, instead: the resource id of a subnet for the app, delegated to Microsoft.App/environments,
param functionSubnetId = readEnvironmentVariable('FUNCTION_SUBNET_ID', '')
// and that of a subnet for private endpoints, in the same network.
param privateEndpointSubnetId = readEnvironmentVariable('PRIVATE_ENDPOINT_SUBNET_ID', '')
// true: the network that is made gets a NAT gateway, which sign-in and Key Vault references need. It costs all day.
param natGateway = bool(readEnvironmentVariable('NAT_GATEWAY', 'false'))

// People sign in with Entra to read the review page: the client id of an app registration. Empty: by function key.
param signInClientId = readEnvironmentVariable('SIGN_IN_CLIENT_ID', '')
// Where signing in without a secret fails: a Key Vault reference to a client secret of that app registration.
param signInKeyVaultReference = readEnvironmentVariable('SIGN_IN_KEY_VAULT_REFERENCE', '')
