/*
  The app settings that the one who deploys decides on, as docs/settings.md describes them. All are text, as
  the app reads them; it checks them itself, and says every mistake at /api/status. Empty is as good as left out.

  ACR_REGISTRY, AZURE_CLIENT_ID, RETENTION_ENGINE and RETENTION_STORAGE are not here: they follow from what is deployed.
*/

@export()
@description('Those by which it is found out what is in use and was pulled: the command line reads them, too.')
type evidenceSettings = {
  @description('What says which images are in use, one a line or separated by blanks.')
  IN_USE: string?

  @description('How long an image is kept after it was seen in use last.')
  IN_USE_REMEMBER: string?

  @description('How old a list of images in use may be.')
  IN_USE_LIST_MAX_AGE: string?

  @description('What was pulled within that time is kept. The identity may then read the log of the registry.')
  KEEP_PULLED_WITHIN: string?

  @description('What says which vulnerabilities images have: defender, referrers, or both. With defender the identity may read what Defender for Cloud found.')
  FINDINGS: string?

  @description('Resource id of the registry, by which its log and its findings are found. Left out: the one that is purged.')
  REGISTRY_RESOURCE_ID: string?

  @description('Whose pulls do not count: object ids, and how clients begin their user agents.')
  PULL_IGNORE: string?

  @description('How long the log of a registry may be without any event.')
  PULL_LOG_MAX_SILENCE: string?
}

@export()
@description('App settings; docs/settings.md says what each means.')
type appSettings = {
  @description('The flags of acr purge, or whole commands, one a line.')
  PURGE_COMMAND: string?

  @description('Instead: an ACR Task file that is deployed with the app.')
  ACR_TASK_FILE: string?

  @description('Instead: a policy file that is deployed with the app.')
  RETENTION_POLICY_FILE: string?

  @description('Instead: the text of a policy file.')
  RETENTION_POLICY: string?

  @description('When to run, in UTC: five fields, or six with the second first.')
  PURGE_SCHEDULE: string?

  @description('false: the scheduled run deletes. With dryRunOnly it never does.')
  PURGE_DRY_RUN: string?

  @description('How long a run may take before it is stopped. The next run resumes it.')
  RUN_TIME_BUDGET: string?

  @description('How many repositories of one registry are worked on at a time by the durable engine.')
  REGISTRY_PARALLELISM: string?

  @description('Artifacts that one run may delete.')
  MAX_DELETIONS: string?

  @description('Percent of a repository\'s tags, and of the registry\'s manifests, that one run may delete.')
  MAX_DELETION_PERCENT: string?

  @description('So many times the median of the last runs may be deleted.')
  MAX_MEDIAN_FACTOR: string?

  @description('Whether a repository must keep a tag.')
  KEEP_LAST_TAG: string?

  @description('How long what would be deleted is unreadable first. What that takes is granted.')
  QUARANTINE: string?

  @description('Where what is deleted is archived first: the URL of a container. What that takes is granted, with archiveStorageId.')
  ARCHIVE: string?

  @description('on: runs say what they free, which takes reading each manifest once. What that takes is granted.')
  STORAGE: string?

  @description('What a GiB of storage costs in a month, a number.')
  STORAGE_PRICE: string?

  @description('What says which images are in use, one a line or separated by blanks. What its sources in Azure read is granted.')
  IN_USE: string?

  @description('How long an image is kept after it was seen in use last.')
  IN_USE_REMEMBER: string?

  @description('How old a list of images in use may be.')
  IN_USE_LIST_MAX_AGE: string?

  @description('What was pulled within that time is kept. The identity may then read the log of the registries.')
  KEEP_PULLED_WITHIN: string?

  @description('What says which vulnerabilities images have: defender, referrers, or both. With defender the identity may read what Defender for Cloud found.')
  FINDINGS: string?

  @description('Resource ids of the registries, by which their logs and findings are found. Left out: those that are purged.')
  REGISTRY_RESOURCE_ID: string?

  @description('Whose pulls do not count: object ids, and how clients begin their user agents.')
  PULL_IGNORE: string?

  @description('How long the log of a registry may be without any event.')
  PULL_LOG_MAX_SILENCE: string?

  @description('How old a plan may be that is carried out.')
  PLAN_MAX_AGE: string?

  @description('Above how many deletions an approval on the page wants the name of the registry typed.')
  APPROVAL_TYPED: string?

  @description('true: a person cannot approve the plan of a run that the same person began.')
  APPROVAL_FOUR_EYES: string?

  @description('How many days runs stay in the record.')
  RETENTION_LEDGER_DAYS: string?

  @description('Who is told of what happens, as a Key Vault reference: the secret has the addresses, one a line.')
  NOTIFY: string?

  @description('What is told, with blanks between.')
  NOTIFY_ON: string?

  @description('How long a plan waits for approval before it is said once more.')
  APPROVAL_REMIND: string?

  @description('Where people reach the app, where that is not its own host name.')
  REVIEW_URL: string?

  @description('debug logs what is kept, too.')
  LOG_LEVEL: string?

  @description('Another cloud\'s audience.')
  ACR_AUDIENCE: string?

  @description('A repository-scoped token instead of the identity: its name.')
  ACR_USERNAME: string?

  @description('Its password, as a Key Vault reference: @Microsoft.KeyVault(SecretUri=...).')
  ACR_PASSWORD: string?
}
