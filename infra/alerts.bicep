@description('Name, which the names of the rules end with.')
param name string

@description('Azure region.')
param location string

@description('Tags of the rules.')
param tags object

@description('Resource id of the Application Insights that the app sends its log to.')
param applicationInsightsId string

@description('Resource ids of the action groups that are told. None: alerts are only shown in the portal.')
param actionGroupIds string[]

@description('What an alert rule is: its query with a question in its first line, and what stands in the columns that tell one alert from another.')
type rule = {
  @description('What its name begins with.')
  name: string

  query: string

  @description('0: critical, to 4: verbose.')
  severity: int

  @description('How far back it looks; two days at most.')
  window: string

  @description('Columns of text. Each combination of what stands in them is an alert of its own.')
  dimensions: string[]

  @description('Where the query cannot tell when what is wrong is over: how long after an alert there is no further one. Else it is resolved when the query finds nothing any more, and until then there is no further one.')
  quiet: string?
}

var rules rule[] = [
  {
    name: 'run-failed'
    query: loadTextContent('queries/alert-run-failed.kql')
    severity: 1
    // Longer than an invocation may take, which is dated by when it began.
    window: 'PT4H'
    dimensions: ['registry', 'runId', 'what']
  }
  {
    name: 'no-run'
    query: loadTextContent('queries/alert-no-run.kql')
    severity: 1
    window: 'P2D'
    dimensions: []
    // Once an app has been dead for two days there is nothing left to find, and that must not look as if all were well.
    quiet: 'P1D'
  }
  {
    name: 'breaker-tripped'
    query: loadTextContent('queries/alert-breaker-tripped.kql')
    severity: 2
    window: 'PT1H'
    dimensions: ['registry', 'runId', 'repository', 'breaker']
  }
  {
    name: 'deletions-above-usual'
    query: loadTextContent('queries/alert-deletions-above-usual.kql')
    severity: 2
    window: 'PT1H'
    dimensions: ['registry', 'runId']
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: '${rule.name}-${name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${rule.name} (${name})'
      description: replace(trim(first(split(rule.query, '\n'))), '// Alert: ', '')
      severity: rule.severity
      enabled: true
      // Tests bind the queries. Here, Application Insights was made a moment ago, and may not know its tables yet.
      skipQueryValidation: true
      scopes: [applicationInsightsId]
      evaluationFrequency: 'PT15M'
      windowSize: rule.window
      autoMitigate: !contains(rule, 'quiet')
      muteActionsDuration: rule.?quiet
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: [
              for dimension in rule.dimensions: {
                name: dimension
                operator: 'Include'
                values: ['*']
              }
            ]
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: actionGroupIds }
    }
  }
]
