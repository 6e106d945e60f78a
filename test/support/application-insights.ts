/*
 * The tables of an Application Insights resource that the queries use, with all their columns, as Microsoft lists them:
 * https://learn.microsoft.com/azure/azure-monitor/reference/tables/apptraces and /apprequests, under the names that they
 * have when the resource is asked and not its workspace (".../app/convert-classic-resource", Table structure).
 */

const EVERY = {
  timestamp: 'datetime',
  operation_Name: 'string',
  operation_Id: 'string',
  operation_ParentId: 'string',
  operation_SyntheticSource: 'string',
  session_Id: 'string',
  user_Id: 'string',
  user_AuthenticatedId: 'string',
  user_AccountId: 'string',
  application_Version: 'string',
  client_Type: 'string',
  client_Model: 'string',
  client_OS: 'string',
  client_IP: 'string',
  client_City: 'string',
  client_StateOrProvince: 'string',
  client_CountryOrRegion: 'string',
  client_Browser: 'string',
  cloud_RoleName: 'string',
  cloud_RoleInstance: 'string',
  appId: 'string',
  appName: 'string',
  iKey: 'string',
  sdkVersion: 'string',
  itemId: 'string',
  itemType: 'string',
  itemCount: 'int',
  customDimensions: 'dynamic',
  customMeasurements: 'dynamic',
  _ResourceId: 'string',
} as const;

export const APPLICATION_INSIGHTS = {
  traces: { ...EVERY, message: 'string', severityLevel: 'int' },
  requests: {
    ...EVERY,
    id: 'string',
    source: 'string',
    name: 'string',
    url: 'string',
    // A truth value in the workspace, and a text here.
    success: 'string',
    resultCode: 'string',
    duration: 'real',
    performanceBucket: 'string',
  },
} as const;
