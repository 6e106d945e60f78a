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
// After so many minutes a run stops between deletions.
param timeBudgetInMinutes = 60
// How many days logs are kept, from 30 to 730.
param logRetentionInDays = 90
