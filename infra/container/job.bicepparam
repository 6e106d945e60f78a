/*
  The values of the job. The lines to change say "change"; what is not here has the default of job.bicep.
*/
using 'job.bicep'

// Change: the registry, by its name without a domain,
param registryName = 'contoso'
// and the resource group that it is in.
param registryResourceGroup = 'platform'
// The subscription that it is in, if that is another one than is deployed to.
param registrySubscriptionId = ''
// rbac, or abac: az acr show --name <registry> --query roleAssignmentMode (AbacRepositoryPermissions is abac).
param registryPermissions = 'rbac'
// With abac: grant only these repositories, by the beginnings of their names, e.g. 'team-a/'.
param repositoryPrefixes = []
// Change to false: the identity can delete, and the job does.
param dryRunOnly = true
// true: a policy file says a quarantine, and the identity may make artifacts unreadable. --quarantine below does that, too.
param grantQuarantine = false
// Change: the image, as it was built into that registry.
param image = 'acr-retention:0.1.0'
// Change: when, in UTC. Five fields.
param schedule = '0 1 * * *'
// Change: what is deleted. See docs/flags.md.
param purge = [
  // Not the repository of the image: what is pinned by its digest may have no tag any more.
  '--filter=(?!acr-retention$).*:^(dev|pr|ci)-'
  '--ago=30d'
  '--keep=3'
  '--untagged'
  // No person watches: these hold back what looks like a mistake.
  '--max-deletion-percent=50'
  '--max-median-factor=10'
  '--keep-last-tag'
]
// What else is kept: what is in use, and what was pulled within a time. docs/in-use.md and docs/pulls.md say what each means.
param settings = {
  // What says which images are in use, with blanks between: aks:<id>, list:<URL>, ... Grant it: docs/deploying.md.
  IN_USE: ''
  // How long an image is kept after it was seen in use last.
  IN_USE_REMEMBER: ''
  // How old a list of images in use may be.
  IN_USE_LIST_MAX_AGE: ''
  // E.g. 30d. The identity may then read the log of the registry.
  KEEP_PULLED_WITHIN: ''
  // What says which vulnerabilities images have: defender, referrers, or both (docs/findings.md). With defender the
  // identity may read what Defender for Cloud found in the subscription of the registry.
  FINDINGS: ''
  // Whose pulls do not count, with blanks between: object ids, and how clients begin their user agents.
  PULL_IGNORE: ''
  // How long the log of the registry may be without any event.
  PULL_LOG_MAX_SILENCE: ''
}
// Who is told of its runs: https://<vault>.vault.azure.net/secrets/notify, say. docs/notifications.md says what is in it.
param notifySecretUri = ''
// true: the registry sends its events to the workspace that is made. false: it sends them somewhere already.
param registryDiagnostics = true
// Clusters that write what they run: the object ids of their identities.
param inUseWriterIds = []
// After so many minutes a run stops between deletions.
param timeBudgetInMinutes = 60
// How many days logs are kept, from 30 to 730.
param logRetentionInDays = 90
