import type { CommandHelp } from './help.ts';

/* The examples, environment variables and exit codes of each command. */

const LEDGER = ['RETENTION_STORAGE', 'AZURE_CLIENT_ID'] as const;
const REGISTRY = ['ACR_REGISTRY', 'ACR_USERNAME', 'ACR_PASSWORD', 'ACR_AUDIENCE'] as const;
const EVIDENCE = ['IN_USE', 'KEEP_PULLED_WITHIN', 'REGISTRY_RESOURCE_ID', 'PULL_IGNORE'] as const;
const GUARDS = ['MAX_DELETIONS', 'MAX_DELETION_PERCENT', 'MAX_MEDIAN_FACTOR', 'KEEP_LAST_TAG'] as const;
const NOTIFY = ['NOTIFY', 'NOTIFY_ON', 'REVIEW_URL'] as const;
const LOG = ['LOG_FORMAT', 'LOG_LEVEL', 'NO_COLOR'] as const;

const DONE = [0, 'it was done'] as const;
const WRONG = [2, 'the input is wrong: a flag, a setting, a file, or a run that there is not'] as const;

const READ: CommandHelp['exitCodes'] = [DONE, [1, 'the record of the runs cannot be read'], WRONG];
const RAN: CommandHelp['exitCodes'] = [
  [0, 'everything was done that was to be done'],
  [1, 'something failed, was refused or was held back, or the run was stopped'],
  WRONG,
];

const RUN = '20261124T130052Z-01e520';
const LATER = '20261125T010000Z-7c93ab';

const showHelp = (words: string): CommandHelp => ({
  examples: [
    { says: 'What a run did, or would do, and the command that applies its plan', command: `${words} ${RUN}` },
    { says: 'Every decision of it, for a spreadsheet', command: `${words} ${RUN} --output csv > run.csv` },
  ],
  environment: LEDGER,
  exitCodes: READ,
});

/** By the words that call a command. */
export const HELP: Readonly<Record<string, CommandHelp>> = {
  purge: {
    examples: [
      {
        says: 'What would be deleted, and why',
        command: "acr-retention purge -r contoso -f '.*:^(dev|pr)-' --ago 30d --untagged --dry-run",
      },
      {
        says: 'Delete it; on a terminal it shows the plan and asks first',
        command: "acr-retention purge -r contoso -f '.*:^(dev|pr)-' --ago 30d --untagged --keep 3",
      },
      {
        says: 'The same, but what a list names is kept, and of what the filter matches the newest 5, whatever their age',
        command: "acr-retention purge -r contoso -f '.*:^(dev|pr)-' --ago 30d --protect @keep.txt --keep-at-least 5",
      },
      {
        says: 'By the rules of a policy file',
        command: 'acr-retention purge -r contoso --policy retention.yaml --dry-run',
      },
      {
        says: 'In a pipeline: nothing is asked, what runs in the cluster is kept, a guard holds back what is unusual',
        command: "acr-retention purge -r contoso -f '.*:^pr-' --ago 14d --yes --in-use kube --max-deletions 500",
      },
      {
        says: 'A summary alone, and a log of JSON beside it',
        command: "acr-retention purge -r contoso -f 'app:^v0\\.' --ago 90d --yes --quiet --log-format json 2> log.json",
      },
    ],
    environment: [
      ...REGISTRY,
      'RETENTION_POLICY_FILE',
      ...LEDGER,
      'RETENTION_LEDGER_DAYS',
      ...EVIDENCE,
      ...NOTIFY,
      ...LOG,
    ],
    exitCodes: RAN,
  },
  apply: {
    examples: [
      { says: 'Delete exactly what a dry run said', command: `acr-retention apply ${RUN}` },
      {
        says: 'Although guards hold it back; the beginning of its hash says that you have looked at it',
        command: `acr-retention apply ${RUN} --approve 3f9a0c1b2d4e`,
      },
    ],
    environment: [...REGISTRY, ...LEDGER, 'PLAN_MAX_AGE', ...EVIDENCE, ...GUARDS, ...NOTIFY, ...LOG],
    exitCodes: RAN,
  },
  approve: {
    examples: [
      { says: 'Look at a plan, and approve it', command: `acr-retention approve ${RUN}` },
      {
        says: 'Only two repositories of it',
        command: `acr-retention approve ${RUN} --repository shop/web --repository shop/api --comment 'as agreed'`,
      },
      {
        says: 'In a pipeline, after a person has looked at it',
        command: `acr-retention approve ${RUN} --hash 3f9a0c1b2d4e --comment 'change 4711'`,
      },
    ],
    environment: [...REGISTRY, ...LEDGER, 'PLAN_MAX_AGE', ...EVIDENCE, ...NOTIFY, ...LOG],
    exitCodes: RAN,
  },
  reject: {
    examples: [
      {
        says: 'Nothing more of it is ever carried out',
        command: `acr-retention reject ${RUN} --reason 'too many of shop/api'`,
      },
    ],
    environment: LEDGER,
    exitCodes: [[0, 'it is rejected'], [1, 'the record of the runs cannot be written'], WRONG],
  },
  resume: {
    examples: [
      { says: 'Resume the newest run that was stopped', command: 'acr-retention resume' },
      { says: 'That one, with what it rests on', command: `acr-retention resume ${RUN} --in-use kube` },
    ],
    environment: [...REGISTRY, ...LEDGER, 'PLAN_MAX_AGE', ...EVIDENCE, ...NOTIFY, ...LOG],
    exitCodes: RAN,
  },
  cancel: {
    examples: [{ says: 'End a run between two deletions, wherever it works', command: `acr-retention cancel ${RUN}` }],
    environment: LEDGER,
    exitCodes: [[0, 'the run is told to end, or has ended'], [1, 'the record of the runs cannot be written'], WRONG],
  },
  notify: {
    examples: [
      {
        says: 'Whether each address takes each kind of message',
        command: 'NOTIFY=https://hooks.slack.com/services/… acr-retention notify --test',
      },
    ],
    environment: NOTIFY,
    exitCodes: [[0, 'each address took each message'], [1, 'one did not'], WRONG],
  },
  'runs list': {
    examples: [
      { says: 'The last twenty', command: 'acr-retention runs' },
      { says: 'Those of the app', command: 'acr-retention runs --limit 100 --output json' },
    ],
    environment: LEDGER,
    exitCodes: READ,
  },
  'runs show': showHelp('acr-retention runs show'),
  show: showHelp('acr-retention show'),
  'policy check': {
    examples: [
      { says: 'Is it valid, and what does it mean', command: 'acr-retention policy check retention.yaml' },
      {
        says: 'The same of what a program writes',
        command: 'acr-retention policy check - --output json < retention.yaml',
      },
    ],
    environment: ['NO_COLOR'],
    exitCodes: [
      [0, 'the file is valid'],
      [2, 'it is not'],
    ],
  },
  'policy test': {
    examples: [
      { says: 'Run all cases below a folder', command: 'acr-retention policy test cases --policy retention.yaml' },
    ],
    environment: ['NO_COLOR'],
    exitCodes: [
      [0, 'each case is as expected'],
      [1, 'one is not'],
      [2, 'a case cannot be read'],
    ],
  },
  'policy convert': {
    examples: [
      {
        says: 'What flags of acr purge mean, as a policy file',
        command: "acr-retention policy convert -- --filter 'app:^dev-' --ago 30d > retention.yaml",
      },
      { says: 'What a task means', command: 'acr-retention policy convert --task purge-task.yaml' },
    ],
    environment: [],
    exitCodes: [DONE, [2, 'it cannot be converted']],
  },
  'policy try': {
    examples: [
      {
        says: 'What a policy file would do to the registry as a run saw it',
        command: `acr-retention policy try retention.yaml --against ${RUN}`,
      },
    ],
    environment: LEDGER,
    exitCodes: READ,
  },
  explain: {
    examples: [
      { says: 'Why an image is there, or is not', command: 'acr-retention explain shop/web:1.4.2' },
      {
        says: 'When a policy file will let it go',
        command: 'acr-retention explain shop/web:1.4.2 --policy retention.yaml',
      },
    ],
    environment: LEDGER,
    exitCodes: READ,
  },
  diff: {
    examples: [
      {
        says: 'What the later run deletes and the earlier one does not, and the other way round',
        command: `acr-retention diff ${RUN} ${LATER}`,
      },
    ],
    environment: LEDGER,
    exitCodes: READ,
  },
  status: {
    examples: [
      { says: 'Who am I to the registry, and what may I do', command: 'acr-retention status -r contoso' },
      {
        says: 'Only what a dry run needs, on one repository',
        command: 'acr-retention status -r contoso --repository shop/web --dry-run',
      },
      { says: 'The settings of the app, as it reads them', command: 'acr-retention status --output json' },
    ],
    environment: [...REGISTRY, ...LEDGER, 'PURGE_SCHEDULE'],
    exitCodes: [[0, 'nothing is missing'], [1, 'something is: a setting, a right, the record of the runs'], WRONG],
  },
  'in-use': {
    examples: [
      {
        says: 'What runs of a registry in the cluster of the current kubeconfig',
        command: 'acr-retention in-use -r contoso --in-use kube',
      },
      {
        says: 'The same of two sources, for a program',
        command: 'acr-retention in-use -r contoso --in-use kube:prod --in-use list:edge.txt --output json',
      },
    ],
    environment: ['ACR_REGISTRY', 'IN_USE', ...LEDGER],
    exitCodes: [[0, 'each source was read completely'], [1, 'one was not: a run would delete nothing'], WRONG],
  },
  'report-images': {
    examples: [
      {
        says: 'In a CronJob of the cluster (infra/container/report-images.yaml)',
        command: 'acr-retention report-images --to https://contosoretention.blob.core.windows.net/in-use/prod.txt',
      },
      {
        says: 'Of one cluster of the kubeconfig, into a file',
        command: 'acr-retention report-images --in-use kube:prod --to prod.txt',
      },
    ],
    environment: ['AZURE_CLIENT_ID'],
    exitCodes: [[0, 'the list was written'], [1, 'the cluster cannot be read completely; nothing was written'], WRONG],
  },
  unpulled: {
    examples: [
      { says: 'What has not been pulled for 90 days, the largest first', command: 'acr-retention unpulled -r contoso' },
      {
        says: 'For half a year; pulls of the scanner do not count',
        command: 'acr-retention unpulled -r contoso --for 180d --pull-ignore trivy --output csv > unpulled.csv',
      },
    ],
    environment: [...REGISTRY, 'REGISTRY_RESOURCE_ID', 'PULL_IGNORE', ...LEDGER],
    exitCodes: [DONE, [1, 'something could not be found out'], WRONG],
  },
  schedule: {
    examples: [{ says: 'When the app runs', command: "acr-retention schedule '0 1 * * Sun'" }],
    environment: [],
    exitCodes: [DONE, [2, 'the schedule is wrong']],
  },
  completion: {
    examples: [
      { says: 'In ~/.bashrc', command: 'eval "$(acr-retention completion bash)"' },
      { says: 'In ~/.zshrc, after compinit', command: 'eval "$(acr-retention completion zsh)"' },
      {
        says: 'For fish, once',
        command: 'acr-retention completion fish > ~/.config/fish/completions/acr-retention.fish',
      },
    ],
    environment: [],
    exitCodes: [DONE, [2, 'there is no completion for that shell']],
  },
  emulator: {
    examples: [
      { says: 'A sample registry; it prints what to set to use it', command: 'acr-retention emulator' },
      { says: 'A slow one that refuses', command: 'acr-retention emulator --latency 50 --deletes-per-second 8' },
    ],
    environment: [],
    exitCodes: [
      [0, 'it was stopped'],
      [1, 'it cannot serve'],
      [2, 'the input is wrong'],
    ],
  },
  demo: {
    examples: [{ says: 'A registry, a mistake and a purge, on this machine only', command: 'acr-retention demo' }],
    environment: ['NO_COLOR'],
    exitCodes: [DONE, [1, 'something of it failed']],
  },
};
