import type { CommandHelp } from './help.ts';
import { EVIDENCE, GUARDS, LEDGER, LOG, NOTIFY, RAN, READ, REGISTRY, RUN, showHelp, WRONG } from './help-parts.ts';

/* The help of the commands that begin a run, decide about one, or show it. */

export const HELP_OF_RUNS: Readonly<Record<string, CommandHelp>> = {
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
        says: 'Nothing is deleted yet: it is made unreadable, and a run in two weeks or later deletes it',
        command: "acr-retention purge -r contoso -f '.*:^(dev|pr)-' --ago 30d --untagged --quarantine 14d",
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
      'QUARANTINE',
      'IN_USE_REMEMBER',
      'ARCHIVE',
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
    environment: [
      ...REGISTRY,
      ...LEDGER,
      'PLAN_MAX_AGE',
      'IN_USE_REMEMBER',
      'ARCHIVE',
      ...EVIDENCE,
      ...GUARDS,
      ...NOTIFY,
      ...LOG,
    ],
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
    environment: [...REGISTRY, ...LEDGER, 'PLAN_MAX_AGE', 'IN_USE_REMEMBER', 'ARCHIVE', ...EVIDENCE, ...NOTIFY, ...LOG],
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
    environment: [...REGISTRY, ...LEDGER, 'PLAN_MAX_AGE', 'IN_USE_REMEMBER', 'ARCHIVE', ...EVIDENCE, ...NOTIFY, ...LOG],
    exitCodes: RAN,
  },
  release: {
    examples: [
      {
        says: 'An image, with its platforms and its signatures',
        command: 'acr-retention release -r contoso shop/web:1.4.2',
      },
      { says: 'What a run has put into quarantine', command: `acr-retention release ${RUN}` },
      { says: 'What would be released of all that waits', command: 'acr-retention release -r contoso --all --dry-run' },
    ],
    environment: [...REGISTRY, ...LEDGER, 'IN_USE_REMEMBER', ...LOG],
    exitCodes: [
      [0, 'everything that was asked for can be pulled again'],
      [1, 'something cannot: it was refused or failed, or the run was stopped'],
      WRONG,
    ],
  },
  restore: {
    examples: [
      { says: 'What of a run can be brought back, and what not', command: `acr-retention restore ${RUN} --dry-run` },
      { says: 'Bring it back; on a terminal it shows what, and asks first', command: `acr-retention restore ${RUN}` },
      {
        says: 'One image, with its platforms, its signatures and all its tags',
        command: 'acr-retention restore shop/web:1.0',
      },
      {
        says: 'Also the tags that name something else by now',
        command: `acr-retention restore ${RUN} --repository shop/web --force --yes`,
      },
    ],
    environment: [...REGISTRY, ...LEDGER, 'IN_USE_REMEMBER', 'ARCHIVE', ...LOG],
    exitCodes: [
      [0, 'everything that was asked for is there'],
      [1, 'something is not: there is no copy, it failed or was refused, or its tag names what was pushed since'],
      WRONG,
    ],
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
};
