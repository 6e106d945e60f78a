import { parseDuration } from './duration.ts';
import { readFindings } from './findings.ts';
import { readInUse } from './in-use.ts';
import { readPullIgnore, readRegistryResources, readWithin } from './pulls.ts';
import { documentation, read } from './setting-fields.ts';

/** The settings that say what is asked besides the registry: what is in use, was pulled, and was found in images. */
export const EVIDENCE_SETTINGS = {
  IN_USE: read((text) => readInUse([text], 'IN_USE'))
    .optional()
    .register(documentation, {
      description:
        'What says which images are in use, one a line or separated by blanks: `kube`, `kube:<context>`, `aks:<resource id>`, `aks:<subscription id>`, `containerapps:<subscription id>`, `appservice:<subscription id>`, `aci:<subscription id>`, `list:<path or https URL>`. What is in use is kept; where a source cannot be read completely, everything is.',
      default: 'nothing is asked',
      example: 'aks:00000000-0000-0000-0000-000000000000 list:https://contoso.blob.core.windows.net/in-use/edge.txt',
    }),
  IN_USE_REMEMBER: read((text) => parseDuration(text, 'IN_USE_REMEMBER').milliseconds)
    .prefault('14d')
    .register(documentation, {
      description:
        'How long an image is kept after it was seen in use last, and after it was [released](quarantine.md) from quarantine because it is used.',
      example: '30d',
    }),
  IN_USE_LIST_MAX_AGE: read((text) => parseDuration(text, 'IN_USE_LIST_MAX_AGE').milliseconds)
    .prefault('26h')
    .register(documentation, {
      description: 'How old a `list:` may be. An older one may not name what runs now, and so everything is kept.',
      example: '2h',
    }),
  KEEP_PULLED_WITHIN: read((text) => readWithin(text, 'KEEP_PULLED_WITHIN'))
    .optional()
    .register(documentation, {
      description:
        "What was pulled within that time is kept, as the registry's log in Log Analytics says, and what the log cannot know. Needs `REGISTRY_RESOURCE_ID`.",
      default: 'pulls are not looked up',
      example: '30d',
    }),
  FINDINGS: read((text) => readFindings(text, 'FINDINGS'))
    .optional()
    .register(documentation, {
      description:
        'What says [which vulnerabilities images have](findings.md): `defender` (Defender for Cloud; needs `REGISTRY_RESOURCE_ID`), `referrers` (reports that are attached to them), or both. They keep and delete nothing by themselves.',
      default: '`off`: nothing is asked',
      example: 'defender referrers',
    }),
  REGISTRY_RESOURCE_ID: read((text) => readRegistryResources(text, 'REGISTRY_RESOURCE_ID'))
    .optional()
    .register(documentation, {
      description:
        'The resource id of each registry, by which its log, its soft delete and its findings are found, one a line or separated by blanks. Where a login server does not begin with the name of its registry, write `<login server>=<resource id>`.',
      default: 'required with `KEEP_PULLED_WITHIN`',
      example:
        '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/platform/providers/Microsoft.ContainerRegistry/registries/contoso',
    }),
  PULL_IGNORE: read((text) => readPullIgnore([text], 'PULL_IGNORE'))
    .optional()
    .register(documentation, {
      description:
        'Whose pulls do not count, one a line or separated by blanks: object ids of identities (scanners, CI), and clients by how they begin a part of their user agent (`trivy`). The identity of the app never counts.',
      default: 'the pulls of all others count',
      example: '00000000-0000-0000-0000-000000000000 trivy',
    }),
  PULL_LOG_MAX_SILENCE: read((text) => parseDuration(text, 'PULL_LOG_MAX_SILENCE').milliseconds)
    .prefault('4d')
    .register(documentation, {
      description:
        'How long the log of a registry may be without any event. A longer stretch counts as a gap, of which it is not known what was pulled.',
      example: '10d',
    }),
};
