/*
  What the identity may do at the registry, which exists already. Deployed to the resource group of the registry,
  wherever that is.
*/

import { roles } from 'roles.bicep'

@description('Name of the registry.')
param registryName string

@description('Object id of the identity that the roles are granted to.')
param principalId string

@allowed(['rbac', 'abac'])
@description('How the registry decides on permissions: by roles on all of it, or by roles on repositories (its "role assignment permissions mode").')
param permissions string

@description('Whether the identity may only read.')
param dryRunOnly bool

@description('Whether the identity may make artifacts unreadable, and readable again. With dryRunOnly it never may.')
param mayQuarantine bool

@description('With abac: the only repositories that the roles are about, by the beginnings of their names; end them with a slash. None: all of them.')
param repositoryPrefixes string[]

// A condition limits only the actions that it names, so it names all that the two roles hold.
var repositoryActions = [
  'content/read'
  'content/write'
  'content/delete'
  'metadata/read'
  'metadata/write'
  'metadata/delete'
]
var otherAction = join(
  map(
    repositoryActions,
    action => '!(ActionMatches{\'Microsoft.ContainerRegistry/registries/repositories/${action}\'})'
  ),
  ' AND '
)
var listedRepository = join(
  map(
    repositoryPrefixes,
    prefix => '@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWith \'${prefix}\''
  ),
  ' OR '
)
// A limit that nothing would hold to is no limit.
var mistake = permissions == 'rbac'
  ? 'REPOSITORY_PREFIXES: roles on some repositories only take REGISTRY_PERMISSIONS=abac, and a registry like that.'
  : contains(join(repositoryPrefixes, ''), '\'') ? 'REPOSITORY_PREFIXES: no repository has a quote in its name.' : ''
var condition = empty(repositoryPrefixes)
  ? null
  : empty(mistake) ? '((${otherAction}) OR (${listedRepository}))' : fail(mistake)

// AcrDelete can delete and nothing else, so reading comes from AcrPull. The Repository Contributor reads, too, and writes
// metadata. With rbac no smaller built-in role than AcrPush may write metadata, so it is granted for a quarantine alone.
var grants = permissions == 'rbac'
  ? map(
      dryRunOnly ? ['AcrPull'] : ['AcrPull', 'AcrDelete', ...(mayQuarantine ? ['AcrPush'] : [])],
      role => { role: role, isAboutRepositories: true }
    )
  : [
      {
        role: dryRunOnly ? 'Container Registry Repository Reader' : 'Container Registry Repository Contributor'
        isAboutRepositories: true
      }
      // Listing the catalog is an action of its own there, about no repository.
      { role: 'Container Registry Repository Catalog Lister', isAboutRepositories: false }
    ]

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    scope: registry
    name: guid(registry.id, principalId, grant.role)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      condition: grant.isAboutRepositories ? condition : null
      conditionVersion: grant.isAboutRepositories && !empty(repositoryPrefixes) ? '2.0' : null
    }
  }
]

@description('Resource id of the registry.')
output id string = registry.id

@description('Its login server, e.g. contoso.azurecr.io.')
output loginServer string = registry.properties.loginServer
