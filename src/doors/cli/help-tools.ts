import type { CommandHelp } from './help.ts';
import { DONE, LATER, LEDGER, READ, REGISTRY, RUN, WRONG } from './help-parts.ts';

/* The help of the commands about policies, about what is there, and about the app. */

export const HELP_OF_TOOLS: Readonly<Record<string, CommandHelp>> = {
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
  risk: {
    examples: [
      {
        says: 'How the findings fell, what is critical and in use, and a rule for what is critical and unused',
        command: 'acr-retention risk -r contoso',
      },
      {
        says: 'Since a day, with the worst 50, for a program',
        command: 'acr-retention risk -r contoso --since 2026-09-01 --top 50 --output json > risk.json',
      },
    ],
    environment: ['ACR_REGISTRY', ...LEDGER],
    exitCodes: READ,
  },
  'check registry': {
    examples: [
      { says: 'What is broken or left over in a registry', command: 'acr-retention check -r contoso' },
      {
        says: 'Of some repositories, for a program',
        command: "acr-retention check -r contoso --repository 'shop/**' --output json",
      },
    ],
    environment: [...REGISTRY, ...LEDGER],
    exitCodes: [
      [0, 'nothing is broken, and all was looked at; what is left over only costs'],
      [1, 'something is broken: a pull of it fails; or something could not be looked at'],
      WRONG,
    ],
  },
  'check quarantine': {
    examples: [
      {
        says: 'Whether unreadable means unreadable, whether times move, and which right is missing',
        command: 'acr-retention check quarantine -r contoso --repository scratch/test',
      },
    ],
    environment: REGISTRY,
    exitCodes: [[0, 'a quarantine works there'], [1, 'it does not, or the image may be left'], WRONG],
  },
  quarantine: {
    examples: [
      { says: 'What is unreadable, and when it may be deleted', command: 'acr-retention quarantine -r contoso' },
      {
        says: 'Of one repository, with the reasons, for a spreadsheet',
        command: 'acr-retention quarantine -r contoso --repository shop/web --output csv > waiting.csv',
      },
    ],
    environment: ['ACR_REGISTRY', ...LEDGER],
    exitCodes: [DONE, [1, 'the record cannot be read'], WRONG],
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
