import * as z from 'zod';
import { readArchive } from './archive.ts';
import { parseDuration, parseTimeBudget } from './duration.ts';
import { EVIDENCE_SETTINGS } from './evidence-schema.ts';
import { readGuard } from './guards.ts';
import { NOTIFY_KINDS, readNotifyKinds, readReceivers, readRemind, readReviewUrl } from './notify.ts';
import { parsePurgeCommands } from './purge-command.ts';
import { readQuarantine } from './quarantine.ts';
import { parseSchedule } from './schedule.ts';
import { documentation, oneOf, read, type SettingDocumentation } from './setting-fields.ts';
import { readStorage } from './storage.ts';
import { STORAGE_FIELDS } from './storage-settings.ts';
import { readInteger, readSwitch } from './values.ts';

/** App settings, as they stand in the environment. One that is empty is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What drives the scheduled purge: a loop in one process, or Durable Functions. */
const ENGINES = ['inline', 'durable'] as const;

export type Engine = (typeof ENGINES)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A little less than the `functionTimeout` of host.json, at which the host ends the process: time to close the record. */
const TIME_BUDGET = '1h55m';

/** A GUID in practice; anything that could be one is taken, and what could be a secret or a path is not. */
export const CLIENT_ID = /^[\w-]{1,36}$/;

/** Every app setting: how it is read, its default, and what the documentation says of it. */
export const SETTINGS_SCHEMA = z.object({
  ACR_REGISTRY: z.string().optional().register(documentation, {
    description:
      'The registry to purge: a name (`contoso`), a login server, or an `https://` URL. Several are separated by blanks, commas, semicolons or line ends.',
    default: 'the registries that the commands name with `-r`',
    example: 'contoso fabrikam',
  }),
  PURGE_COMMAND: read((text) => parsePurgeCommands(text))
    .optional()
    .register(documentation, {
      description:
        'What to delete: the flags as you type them after `acr purge`, or a whole line of an ACR Task (`acr purge …`, `mcr.microsoft.com/acr/acr-cli:0.17 purge -r {{ .Run.Registry }} …`). Several commands stand one a line.',
      default: 'required, unless one of the next three is set',
      example: "--filter 'app:^dev-' --ago 30d --untagged",
    }),
  ACR_TASK_FILE: z.string().optional().register(documentation, {
    description:
      'Instead of `PURGE_COMMAND`: the YAML file of an ACR Task, deployed with the app; a path from its folder. The `timeout`s of its steps end a run between deletions.',
    example: 'purge-task.yaml',
  }),
  RETENTION_POLICY_FILE: z.string().optional().register(documentation, {
    description:
      'Instead of `PURGE_COMMAND`: a [policy file](policy-file.md), deployed with the app; a path from its folder.',
    example: 'retention.yaml',
  }),
  RETENTION_POLICY: z.string().optional().register(documentation, {
    description: 'Instead of `PURGE_COMMAND`: the text of a [policy file](policy-file.md).',
  }),
  PURGE_SCHEDULE: z
    .string({ error: 'is not set; write e.g. 0 1 * * Sun, for Sundays at 01:00 UTC' })
    .pipe(read((text) => parseSchedule(text, 'PURGE_SCHEDULE')))
    .register(documentation, {
      description:
        'When to purge, in UTC: five fields as ACR Tasks take them (minute, hour, day of the month, month, day of the week), or six with the second first. `acr-retention schedule` says one in words.',
      default: 'required',
      example: '0 1 * * Sun',
    }),
  PURGE_DRY_RUN: read((text) => readSwitch('PURGE_DRY_RUN', text))
    .prefault('true')
    .register(documentation, {
      description: 'Whether the scheduled purge deletes nothing. It deletes only where this is `false`.',
      example: 'false',
    }),
  RUN_TIME_BUDGET: read((text) => parseTimeBudget(text, 'RUN_TIME_BUDGET'))
    .prefault(TIME_BUDGET)
    .register(documentation, {
      description:
        'How long a run may take before it is stopped between deletions. The next run resumes it. Several registries share it.',
      example: '25m',
    }),
  RETENTION_ENGINE: oneOf(ENGINES).prefault('inline').register(documentation, {
    description:
      'What drives the scheduled purge: `inline`, a loop in one process, or `durable`, orchestrations of Durable Functions. `durable` needs `RETENTION_STORAGE`.',
    example: 'durable',
  }),
  REGISTRY_PARALLELISM: read((text) => readInteger('REGISTRY_PARALLELISM', text, 1, 32))
    .prefault('4')
    .register(documentation, {
      description: 'How many repositories of one registry the durable engine works on at a time, 1 to 32.',
      example: '8',
    }),
  AZURE_CLIENT_ID: z
    .string()
    .regex(CLIENT_ID, 'must be the client id of a managed identity, not its name or resource id')
    .optional()
    .register(documentation, {
      description:
        'The client id of the user-assigned managed identity that signs in to the registries and the storage account.',
      default: 'the system-assigned identity',
      example: '00000000-0000-0000-0000-000000000000',
    }),
  ACR_AUDIENCE: z
    .url({ protocol: /^https$/, error: 'must be an https:// URL, e.g. https://management.usgovcloudapi.net' })
    .optional()
    .register(documentation, {
      description: 'The audience of the access tokens, for a cloud other than the public one.',
      default: "the public cloud's",
      example: 'https://management.usgovcloudapi.net',
    }),
  ACR_USERNAME: z.string().optional().register(documentation, {
    description:
      'The name of a repository-scoped token, or of the admin user, instead of an identity; with `ACR_PASSWORD`.',
    default: 'the identity of the app',
  }),
  ACR_PASSWORD: z.string().optional().register(documentation, {
    description: 'The password for `ACR_USERNAME`; better a reference to Key Vault than the password itself.',
  }),
  RETENTION_STORAGE: read((text) => readStorage(text, 'RETENTION_STORAGE'))
    .optional()
    .register(documentation, {
      description:
        'Where runs are recorded: the URL of a storage account (the identity of the app signs in), a connection string, or a folder.',
      default: 'a folder that is lost with the instance of the app',
      example: 'https://contoso.blob.core.windows.net',
    }),
  RETENTION_LEDGER_DAYS: read((text) => readInteger('RETENTION_LEDGER_DAYS', text, 1, 36_500))
    .prefault('400')
    .register(documentation, {
      description: 'How many days the record of a run is kept.',
      example: '90',
    }),
  PLAN_MAX_AGE: read((text) => parseDuration(text, 'PLAN_MAX_AGE').milliseconds)
    // A plan that waits over a weekend must not be too old before a person is reminded of it (APPROVAL_REMIND).
    .prefault('7d')
    .register(documentation, {
      description: 'How old a plan may be when it is applied.',
      example: '2d',
    }),
  APPROVAL_TYPED: read((text) => readInteger('APPROVAL_TYPED', text, 0, Number.MAX_SAFE_INTEGER))
    .prefault('100')
    .register(documentation, {
      description:
        "Above how many deletions an approval on the review page wants the registry's name typed: see [Approving on the page](safety.md#approving-on-the-page).",
      example: '0',
    }),
  APPROVAL_FOUR_EYES: read((text) => readSwitch('APPROVAL_FOUR_EYES', text))
    .prefault('false')
    .register(documentation, {
      description:
        'Whether a plan is approved by another person than the one who began its run, as far as it is known who that was.',
      example: 'true',
    }),
  MAX_DELETIONS: read((text) => readGuard('maxDeletions', 'MAX_DELETIONS', text))
    .optional()
    .register(documentation, {
      description:
        'Guard: how many artifacts one run may delete. A run that would delete more deletes nothing until its plan is approved.',
      default: 'no limit',
      example: '500',
    }),
  MAX_DELETION_PERCENT: read((text) => readGuard('maxDeletionPercent', 'MAX_DELETION_PERCENT', text))
    .prefault('50')
    .register(documentation, {
      description:
        "Guard: what percentage of a repository's tags, and of the registry's manifests, one run may delete.",
      example: '20',
    }),
  MAX_MEDIAN_FACTOR: read((text) => readGuard('maxMedianFactor', 'MAX_MEDIAN_FACTOR', text))
    .prefault('10')
    .register(documentation, {
      description:
        'Guard: how many times the median of the last ten complete runs one run may delete. It needs three such runs; `0` is no limit.',
      example: '5',
    }),
  KEEP_LAST_TAG: read((text) => readGuard('keepLastTag', 'KEEP_LAST_TAG', text))
    .prefault('true')
    .register(documentation, {
      description: 'Guard: whether a repository must keep at least one tag.',
      example: 'false',
    }),
  QUARANTINE: read((text) => readQuarantine(text, 'QUARANTINE'))
    .optional()
    .register(documentation, {
      description:
        'How long what would be deleted is [unreadable first](quarantine.md): pulls of it fail, and it can be released. A run after that time deletes it. `--quarantine` of a command, and `quarantine` of a policy file, count instead; `off` is none.',
      default: '`off`: it is deleted at once',
      example: '14d',
    }),
  ARCHIVE: read((text) => readArchive(text, 'ARCHIVE'))
    .optional()
    .register(documentation, {
      description:
        'Where what is deleted is [archived first](archive.md): the URL of a container of Blob Storage (the identity of the app signs in), or a folder. What cannot be archived is kept.',
      default: 'nothing is archived',
      example: 'https://contoso.blob.core.windows.net/archive',
    }),
  ...STORAGE_FIELDS,
  ...EVIDENCE_SETTINGS,
  NOTIFY: read((text) => readReceivers(text, 'NOTIFY'))
    .optional()
    .register(documentation, {
      description:
        'Who is told of what happens: [addresses](notifications.md), one a line or separated by blanks. `teams:`, `slack:` or `cloudevents:` before one says its form, where its host does not. They are secrets: write a reference to Key Vault.',
      default: 'nothing is sent',
    }),
  NOTIFY_ON: read((text) => readNotifyKinds(text, 'NOTIFY_ON'))
    .prefault(NOTIFY_KINDS.join(' '))
    .register(documentation, {
      description:
        'What is told: `plan-waits`, `guard-tripped`, `run-failed`, `schedule-overdue`, `image-released`, `deletion-done`.',
      example: 'guard-tripped run-failed schedule-overdue',
    }),
  APPROVAL_REMIND: read((text) => readRemind(text, 'APPROVAL_REMIND'))
    .prefault('3d')
    .register(documentation, {
      description: 'How long a plan waits for approval before it is said once more: an hour or more.',
      example: '8h',
    }),
  REVIEW_URL: read((text) => readReviewUrl(text, 'REVIEW_URL'))
    .optional()
    .register(documentation, {
      description: 'Where people reach the app, for the links to its review page that are sent and copied.',
      default: 'the host name that the platform gave the app',
      example: 'https://retention.contoso.com',
    }),
  LOG_LEVEL: oneOf(LOG_LEVELS).prefault('info').register(documentation, {
    description:
      'How much is logged. `debug` logs what is kept, too; then also set `AzureFunctionsJobHost__logging__logLevel__Function` to `Debug`.',
    example: 'debug',
  }),
});

export type Setting = keyof typeof SETTINGS_SCHEMA.shape;
export type SettingValues = z.output<typeof SETTINGS_SCHEMA>;

export const SETTINGS = Object.keys(SETTINGS_SCHEMA.shape) as readonly Setting[];

/** The settings as a table, for the documentation. */
export const SETTINGS_TABLE: readonly ({ readonly name: Setting } & SettingDocumentation)[] = SETTINGS.map((name) => {
  const schema = SETTINGS_SCHEMA.shape[name];
  const standard = schema instanceof z.ZodPrefault ? { default: `\`${schema.def.defaultValue}\`` } : {};
  return { name, description: '', ...standard, ...documentation.get(schema) };
});
