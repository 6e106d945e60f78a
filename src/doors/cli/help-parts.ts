import type { CommandHelp } from './help.ts';

/* What the help of several commands has in common. */

export const LEDGER = ['RETENTION_STORAGE', 'AZURE_CLIENT_ID'] as const;
export const REGISTRY = ['ACR_REGISTRY', 'ACR_USERNAME', 'ACR_PASSWORD', 'ACR_AUDIENCE'] as const;
export const EVIDENCE = ['IN_USE', 'KEEP_PULLED_WITHIN', 'REGISTRY_RESOURCE_ID', 'PULL_IGNORE', 'FINDINGS'] as const;
export const GUARDS = ['MAX_DELETIONS', 'MAX_DELETION_PERCENT', 'MAX_MEDIAN_FACTOR', 'KEEP_LAST_TAG'] as const;
export const NOTIFY = ['NOTIFY', 'NOTIFY_ON', 'REVIEW_URL'] as const;
export const LOG = ['LOG_FORMAT', 'LOG_LEVEL', 'NO_COLOR'] as const;

export const DONE = [0, 'it was done'] as const;
export const WRONG = [2, 'the input is wrong: a flag, a setting, a file, or a run that there is not'] as const;

export const READ: CommandHelp['exitCodes'] = [DONE, [1, 'the record of the runs cannot be read'], WRONG];
export const RAN: CommandHelp['exitCodes'] = [
  [0, 'everything was done that was to be done'],
  [1, 'something failed, was refused or was held back, or the run was stopped'],
  WRONG,
];

export const RUN = '20261124T130052Z-01e520';
export const LATER = '20261125T010000Z-7c93ab';

export const showHelp = (words: string): CommandHelp => ({
  examples: [
    { says: 'What a run did, or would do, and the command that applies its plan', command: `${words} ${RUN}` },
    {
      says: 'Each decision in one repository, with all that is known of findings',
      command: `${words} ${RUN} --repository shop/web`,
    },
    { says: 'Every decision of it, for a spreadsheet', command: `${words} ${RUN} --output csv > run.csv` },
  ],
  environment: LEDGER,
  exitCodes: READ,
});
