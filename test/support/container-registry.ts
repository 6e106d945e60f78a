/*
 * The table that registries write to in Log Analytics, with all its columns, as Microsoft lists them:
 * https://learn.microsoft.com/azure/azure-monitor/reference/tables/containerregistryrepositoryevents
 */

export const CONTAINER_REGISTRY = {
  ContainerRegistryRepositoryEvents: {
    ArtifactType: 'string',
    CallerIpAddress: 'string',
    Category: 'string',
    CorrelationId: 'string',
    Digest: 'string',
    DurationMs: 'string',
    Identity: 'string',
    LoginServer: 'string',
    MediaType: 'string',
    OperationName: 'string',
    Region: 'string',
    Repository: 'string',
    _ResourceId: 'string',
    ResultDescription: 'string',
    ResultType: 'string',
    Size: 'int',
    SourceSystem: 'string',
    Tag: 'string',
    TenantId: 'string',
    TimeGenerated: 'datetime',
    Type: 'string',
    UserAgent: 'string',
    UserTenantId: 'string',
  },
} as const;
