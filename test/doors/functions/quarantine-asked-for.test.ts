import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { cosignSignature, cosignTag, image, index } from '../../../src/dev/emulator/manifests.ts';
import type { RepositoryEvent } from '../../../src/dev/logs/log-analytics.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { folderStore } from '../../../src/ledger/store/folder.ts';
import { DELETING, withApp } from '../../support/app.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withLogsAtAzure } from '../../support/logs-at-azure.ts';
import { DAY, unreadable, waitingIn } from '../../support/quarantine.ts';
import { answering, SECRET, startReceiver } from '../../support/receiver.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

/* The app as it is deployed, the log of the registry over the client of Azure, and a receiver of messages. */

const RESOURCE =
  '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/shop/providers/Microsoft.ContainerRegistry/registries/contoso';

const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
const [amd64 = ''] = platforms.map(({ digest }) => digest);
const build = index(platforms);
const signature = cosignSignature(build);
const other = image('other');
const repositories = {
  app: repositoryOf(
    { built: build, days: 40, tags: ['dev-1'] },
    ...platforms.map((built) => ({ built, days: 40 })),
    { built: signature, days: 40, tags: [cosignTag(build)] },
    { built: other, days: 40, tags: ['dev-2'] },
  ),
};
const WHOLE = [build, ...platforms, signature].map(({ digest }) => `app@${digest}`);

test('a pull that fails is in the log of the registry: the next run releases the image whole, tells it once, and keeps it', async () => {
  const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY);
  const events: RepositoryEvent[] = [{ TimeGenerated: daysAgo(60), OperationName: 'Push', Repository: 'app' }];
  const receiver = await startReceiver();
  const folder = newFolder();
  try {
    await withServedEmulator({ repositories }, (emulator) =>
      withLogsAtAzure(RESOURCE, events, async ({ environment, certificate }) => {
        const certificates = join(newFolder(), 'ca.pem');
        mkdirSync(dirname(certificates));
        writeFileSync(certificates, `${emulator.certificate}\n${certificate}`);
        const settings = {
          ...environment,
          ...DELETING,
          PURGE_COMMAND: "--filter 'app:^(dev|sha256)-' --ago 30d --untagged",
          PURGE_SCHEDULE: '0 1 * * Sun',
          QUARANTINE: '14d',
          IN_USE_REMEMBER: '3d',
          RETENTION_STORAGE: folder,
          ACR_USERNAME: USER.username,
          ACR_PASSWORD: USER.password,
          NODE_EXTRA_CA_CERTS: certificates,
          REGISTRY_RESOURCE_ID: `${emulator.loginServer}=${RESOURCE}`,
          NOTIFY: `cloudevents:http://127.0.0.1:${receiver.port}/cloudevents/${SECRET}`,
          NOTIFY_ON: 'image-released',
        };
        const ledger = openLedger(folderStore(folder));
        await withApp(emulator, settings, async (app) => {
          await app.fireTimer();
          expect(unreadable(emulator)).toEqual([...WHOLE, `app@${other.digest}`].toSorted());
          expect(receiver.received).toEqual([]);

          // As the registry writes it: the digest stands where the tag does.
          events.push({
            TimeGenerated: new Date(),
            OperationName: 'Pull',
            Repository: 'app',
            Tag: amd64,
            Digest: '<nil>',
            ResultDescription: '404',
            UserAgent: 'containerd/v1.7.2',
          });
          receiver.answers.push(answering(200, {}));
          await app.fireTimer();
          expect(unreadable(emulator)).toEqual([`app@${other.digest}`]);
          expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
          const { released } = await ledger.quarantine(emulator.loginServer, 'app');
          expect(released.map(({ digest }) => `app@${digest}`).toSorted()).toEqual(WHOLE.toSorted());
          for (const { at, until } of released) expect(Date.parse(until) - Date.parse(at)).toBe(3 * DAY);
          expect(receiver.wrong).toEqual([]);
          expect(receiver.received).toHaveLength(1);
          expect(JSON.stringify(receiver.received)).toContain('image-released');
          expect(app.log().filter(({ event }) => event === 'images-released')).toMatchObject([
            { needed: WHOLE.length },
          ]);

          // The pull is in the log still. The image stays readable, and nothing is told again.
          await app.fireTimer();
          await app.fireTimer('watch');
          expect(unreadable(emulator)).toEqual([`app@${other.digest}`]);
          expect(receiver.received).toHaveLength(1);
          expect(app.log().filter(({ event }) => event === 'images-released')).toHaveLength(1);
          const listed = await app.ask(`/api/quarantine`);
          expect(await listed.json()).toMatchObject({ total: { images: 1 } });
        });
      }),
    );
  } finally {
    await receiver.close();
  }
}, 120_000);
