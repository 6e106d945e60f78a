@description('Name of what the workbook is about, for its title.')
param name string

@description('Azure region.')
param location string

@description('Tags of the workbook.')
param tags object

@description('Resource id of the Application Insights that the app sends its log to.')
param applicationInsightsId string

var DAY_MS = 86400000

@description('What is shown. The title of each is the question in the first line of its query.')
type part = {
  query: string

  @description('table, barchart, timechart')
  visualization: string

  @description('The share of the width, in percent.')
  width: int

  @description('Columns that count bytes.')
  bytes: string[]

  @description('How far back it looks, whatever is chosen above.')
  lastMilliseconds: int?

  @description('What is said where there is nothing.')
  otherwise: string
}

var parts part[] = [
  {
    query: loadTextContent('queries/schedule.kql')
    visualization: 'table'
    width: 100
    bytes: []
    lastMilliseconds: DAY_MS
    otherwise: 'Nothing was heard of the app for a day.'
  }
  {
    query: loadTextContent('queries/deleted-by-repository-over-time.kql')
    visualization: 'barchart'
    width: 50
    bytes: []
    otherwise: 'Nothing was deleted.'
  }
  {
    query: loadTextContent('queries/deleted-by-reason-over-time.kql')
    visualization: 'barchart'
    width: 50
    bytes: []
    otherwise: 'Nothing was deleted.'
  }
  {
    query: loadTextContent('queries/bytes-over-time.kql')
    visualization: 'barchart'
    width: 50
    bytes: ['bytes']
    otherwise: 'Nothing was deleted.'
  }
  {
    query: loadTextContent('queries/deleted-by-repository.kql')
    visualization: 'table'
    width: 50
    bytes: ['bytes']
    otherwise: 'Nothing was deleted.'
  }
  {
    query: loadTextContent('queries/findings-over-time.kql')
    visualization: 'timechart'
    width: 50
    bytes: []
    otherwise: 'No run that deletes has asked for findings.'
  }
  {
    query: loadTextContent('queries/critical-images.kql')
    visualization: 'table'
    width: 50
    bytes: []
    otherwise: 'No image with critical findings is known.'
  }
  {
    query: loadTextContent('queries/findings.kql')
    visualization: 'table'
    width: 100
    bytes: []
    otherwise: 'No run has asked for findings.'
  }
  {
    query: loadTextContent('queries/quarantine-over-time.kql')
    visualization: 'timechart'
    width: 50
    bytes: []
    otherwise: 'Nothing was in quarantine.'
  }
  {
    query: loadTextContent('queries/released.kql')
    visualization: 'table'
    width: 50
    bytes: []
    otherwise: 'Nothing was released from quarantine.'
  }
  {
    query: loadTextContent('queries/quarantine.kql')
    visualization: 'table'
    width: 100
    bytes: ['bytes']
    otherwise: 'Nothing was in quarantine.'
  }
  {
    query: loadTextContent('queries/runs-over-time.kql')
    visualization: 'timechart'
    width: 50
    bytes: []
    otherwise: 'No run that deletes has ended.'
  }
  {
    query: loadTextContent('queries/duration.kql')
    visualization: 'timechart'
    width: 50
    bytes: []
    otherwise: 'No run has ended.'
  }
  {
    query: loadTextContent('queries/breakers.kql')
    visualization: 'table'
    width: 100
    bytes: []
    otherwise: 'No guard held anything back.'
  }
  {
    query: loadTextContent('queries/failures.kql')
    visualization: 'table'
    width: 100
    bytes: []
    otherwise: 'Nothing failed.'
  }
  {
    query: loadTextContent('queries/runs.kql')
    visualization: 'table'
    width: 100
    bytes: ['bytes']
    otherwise: 'No run has ended.'
  }
  {
    query: loadTextContent('queries/deletions.kql')
    visualization: 'table'
    width: 100
    bytes: []
    otherwise: 'Nothing was deleted.'
  }
]

var source = { queryType: 0, resourceType: 'microsoft.insights/components' }

// 2: bytes, in the workbooks' list of units.
var inBytes = { unit: 2, options: { style: 'decimal', maximumFractionDigits: 1 } }

var timeRange = {
  type: 9
  name: 'parameters'
  content: {
    ...source
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid(applicationInsightsId, 'TimeRange')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time range'
        type: 4
        isRequired: true
        value: { durationMs: 30 * DAY_MS }
        typeSettings: {
          selectableValues: map([1, 7, 14, 30, 60, 90], days => { durationMs: days * DAY_MS })
          allowCustom: true
        }
      }
    ]
  }
}

var items = map(parts, (part, index) => {
  type: 3
  name: 'query ${index}'
  customWidth: string(part.width)
  content: {
    ...source
    version: 'KqlItem/1.0'
    query: part.query
    size: 0
    title: replace(trim(first(split(part.query, '\n'))), '// ', '')
    noDataMessage: part.otherwise
    visualization: part.visualization
    // 0: as in the parameter.
    timeContext: { durationMs: part.?lastMilliseconds ?? 0 }
    ...(part.?lastMilliseconds == null ? { timeContextFromParameter: 'TimeRange' } : {})
    showExportToExcel: part.visualization == 'table'
    gridSettings: {
      filter: true
      formatters: map(part.bytes, column => { columnMatch: column, formatter: 0, numberFormat: inBytes })
    }
    chartSettings: empty(part.bytes) ? {} : { ySettings: { numberFormatSettings: inBytes } }
  }
})

@description('Shared: each person who may read Application Insights finds it there, under Workbooks.')
resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(applicationInsightsId, 'retention')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Image retention (${name})'
    category: 'workbook'
    sourceId: applicationInsightsId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([timeRange], items)
      fallbackResourceIds: [applicationInsightsId]
    })
  }
}
