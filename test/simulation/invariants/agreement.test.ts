import { commandOf } from './oracle.ts';
import { beyondAcrPurge, broken } from './broken.ts';
import { disagreements, missingLocks } from './agreement.ts';
import type { Change, History, What } from './history.ts';
import {
  BEGUN,
  begin,
  byOthers,
  byWorker,
  changed,
  FLAGS,
  HIDDEN,
  LOCKED,
  multi,
  old,
  one,
  platform,
  pushed,
  remove,
  sbom,
  signature,
  tagged,
  two,
  untag,
} from './one-change.ts';
import { cosignTag } from '../../../src/dev/emulator/manifests.ts';
import { aRun, deleted } from './one-run.ts';
import type { Told } from './told.ts';
import { describeRules, type TriedRule } from './tried-rules.ts';

const at = (seconds: number): number => BEGUN + seconds * 1000;

function made(history: History, ...changes: readonly Change[]): History {
  for (const change of changes) history.record(change);
  return history;
}

const has = [old(one, 'dev-1', 'dev-2'), old(two)];
const dev1 = { tag: 'dev-1', digest: one.digest };
const dev2 = { tag: 'dev-2', digest: one.digest };

const told = (...changes: readonly Change[]) => ({
  as: (...runs: readonly Told[]) => disagreements(made(begin(has), ...changes), runs),
});

const inDoubt = (what: { readonly tag: string; readonly digest: string }) =>
  deleted(what, 'failed', { error: { message: 'it is not known whether it was deleted: it was pushed again' } });

const deletions: Readonly<Record<string, TriedRule>> = {
  'every deletion is told': {
    right: () => told(byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1)])),
    wrong: () => told(byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1, 'failed')])),
    because: /app:dev-1 was deleted once, and told 0 times: .*says failed/,
  },
  'a run may doubt a deletion of what is there again': {
    right: () =>
      told(byWorker(at(9), untag('dev-1')), byOthers(at(10), tagged('dev-1', one))).as(aRun([inDoubt(dev1)])),
    wrong: () => told(byWorker(at(9), untag('dev-1'))).as(aRun([inDoubt(dev1)])),
    because: /app:dev-1 was deleted once, and told 0 times: .*says failed/,
  },
  'what goes along is told, too': {
    right: () => told(byWorker(at(9), remove(one))).as(aRun([deleted(one), deleted(dev1), deleted(dev2)])),
    wrong: () => told(byWorker(at(9), remove(one))).as(aRun([deleted(one), deleted(dev1)])),
    because: /app:dev-2 was deleted once, and told 0 times/,
  },
  'what goes along unseen is not': {
    right: () => told(byOthers(at(6), tagged('v1', two)), byWorker(at(9), remove(two))).as(aRun([deleted(two)])),
    wrong: () => told(byOthers(at(3), tagged('v1', two)), byWorker(at(9), remove(two))).as(aRun([deleted(two)])),
    because: /app:v1 was deleted once, and told 0 times/,
  },
  'a deletion that comes late is not': {
    right: () => told(byWorker(at(12), untag('dev-1'), at(9))).as(aRun([deleted(dev1, 'failed')])),
    wrong: () => told(byWorker(at(10), untag('dev-1'), at(9))).as(aRun([deleted(dev1, 'failed')])),
    because: /app:dev-1 was deleted once, and told 0 times/,
  },
  'nothing is told that did not happen': {
    right: () => told(byOthers(at(9), untag('dev-1'))).as(aRun([deleted(dev1)])),
    wrong: () => told().as(aRun([deleted(dev1)])),
    because: /app:dev-1 was told to be deleted once, and went 0 times/,
  },
  'what is there is not told to be gone': {
    right: () => told(byOthers(at(9), untag('dev-1'))).as(aRun([deleted(dev1, 'already-gone')])),
    wrong: () => told(byOthers(at(9), changed({ tag: 'dev-1' }, HIDDEN))).as(aRun([deleted(dev1, 'already-gone')])),
    because: /app:dev-1 was there all the time: .*says already-gone/,
  },
  'a deletion is told once': {
    right: () =>
      told(
        byWorker(at(9), untag('dev-1')),
        byOthers(at(20), tagged('dev-1', one)),
        byWorker(at(30), untag('dev-1'), at(30), 'next'),
      ).as(aRun([deleted(dev1)]), aRun([deleted(dev1)], { id: 'next' })),
    wrong: () => told(byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1)]), aRun([deleted(dev1)], { id: 'next' })),
    because: /app:dev-1 was told to be deleted 2 times, and went once/,
  },
  'a deletion is told by its run': {
    right: () => told(byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1)]), aRun([], { id: 'next' })),
    wrong: () =>
      told(byWorker(at(9), untag('dev-1'))).as(
        aRun([deleted(dev1, 'already-gone')]),
        aRun([deleted(dev1)], { id: 'next' }),
      ),
    because: /app:dev-1 was deleted by the run run: run \(scheduled, done\) says already-gone/,
  },
  'a tag is deleted while it names what was planned': {
    right: () => told(byOthers(at(6), tagged('dev-1', two)), byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1)])),
    wrong: () => told(byOthers(at(3), tagged('dev-1', two)), byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1)])),
    because: /app:dev-1 named sha256:\w+ when it was deleted/,
  },
  'there is one decision on each artifact': {
    right: () => told(byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1), deleted(dev2, 'failed')])),
    wrong: () => told(byWorker(at(9), untag('dev-1'))).as(aRun([deleted(dev1), deleted(dev1, 'failed')])),
    because: /run has 2 decisions on 1 artifacts/,
  },
};

const lock = (isBack: boolean) =>
  changed({ digest: one.digest }, isBack ? { deleteEnabled: false } : { deleteEnabled: true });
const locksBoth = changed({ digest: one.digest }, { deleteEnabled: false, writeEnabled: false });
const lockedByOthers = byOthers(at(9), changed({ digest: one.digest }, { writeEnabled: false }));
const locked = [{ ...old(one), locked: LOCKED }, old(two)];
const byOther = (time: number, what: What): Change => ({
  ...byWorker(time, what),
  by: { process: 'another', sentAt: time },
});
const afterwards = (...changes: readonly Change[]) => made(begin(locked), ...changes);

/** Another client takes the lock off, and sets it again. */
const locking = (off: number, on: number) => [byOthers(at(off), lock(false)), byOthers(at(on), lock(true))] as const;

/** A lock that was told to be lost, and a deletion after that. */
const lostAndDeleted = (): History => {
  const { by, ...deletion } = byWorker(at(11), remove(one));
  return afterwards(byWorker(at(9), lock(false)), { ...deletion, by: { ...(by as object), run: 'run' } } as Change);
};
const sparing = (given: string): Told =>
  aRun([deleted(one, 'deleted', { lostLock: { deleteEnabled: false, writeEnabled: true, restore: '' } })], {
    policy: { commands: [{ given, understood: {} }], hash: '', from: 'settings' },
  });

const locks: Readonly<Record<string, TriedRule>> = {
  'a lock that was taken off is put back': {
    right: () => missingLocks(afterwards(byWorker(at(9), lock(false)), byWorker(at(10), lock(true))), []),
    wrong: () => missingLocks(afterwards(byWorker(at(9), lock(false))), []),
    because: /app@sha256:\w+ was locked \(deleteEnabled false, writeEnabled true\), and is not any more/,
  },
  'what is gone needs no lock': {
    right: () => missingLocks(afterwards(byWorker(at(9), lock(false)), byWorker(at(10), remove(one))), []),
    wrong: () => missingLocks(afterwards(byWorker(at(9), lock(false)), byWorker(at(10), remove(two))), []),
    because: /is not any more/,
  },
  'another process puts a lock back before it deletes': {
    right: () =>
      missingLocks(
        afterwards(byWorker(at(9), lock(false)), byOther(at(10), lock(true)), byOther(at(11), remove(one))),
        [],
      ),
    wrong: () => missingLocks(afterwards(byWorker(at(9), lock(false)), byOther(at(11), remove(one))), []),
    because: /was deleted by another without the lock that worker took off/,
  },
  'what others have changed since is theirs': {
    right: () => missingLocks(afterwards(byWorker(at(9), lock(false)), byOthers(at(10), lock(false))), []),
    wrong: () => missingLocks(afterwards(byOthers(at(3), lock(true)), byWorker(at(9), lock(false))), []),
    because: /is not any more/,
  },
  'a lock that is set right before an unlocking cannot be seen': {
    right: () => missingLocks(afterwards(...locking(7, 8), byWorker(at(9), lock(false))), []),
    wrong: () => missingLocks(afterwards(...locking(2, 3), byWorker(at(9), lock(false))), []),
    because: /is not any more/,
  },
  'a lock that is put back leaves what another client has locked meanwhile': {
    right: () =>
      missingLocks(afterwards(byWorker(at(8), lock(false)), lockedByOthers, byWorker(at(10), locksBoth)), []),
    wrong: () =>
      missingLocks(afterwards(byWorker(at(8), lock(false)), lockedByOthers, byWorker(at(10), lock(true))), []),
    because: /was locked \(deleteEnabled true, writeEnabled false\), and is not any more/,
  },
  'a lock that could not be put back is told': {
    right: () =>
      missingLocks(afterwards(byWorker(at(9), lock(false))), [
        aRun([deleted(one, 'failed', { lostLock: { deleteEnabled: false, writeEnabled: true, restore: '' } })]),
      ]),
    wrong: () => missingLocks(afterwards(byWorker(at(9), lock(false))), [aRun([deleted(one, 'failed')])]),
    because: /is not any more/,
  },
  'what has lost its lock is deleted only where what is locked is included': {
    right: () => missingLocks(lostAndDeleted(), [sparing('--filter .*:.* --include-locked')]),
    wrong: () => missingLocks(lostAndDeleted(), [sparing('--filter .*:.*')]),
    because: /was deleted by run, which spares what is locked, and its lock was lost/,
  },
  'an unlocking that comes late cannot be helped': {
    right: () => missingLocks(afterwards(byWorker(at(10), lock(true)), byWorker(at(20), lock(false), at(9))), []),
    wrong: () => missingLocks(afterwards(byWorker(at(10), lock(true)), byWorker(at(20), lock(false), at(19))), []),
    because: /is not any more/,
  },
};

const multiArch = [old(platform), old(multi, 'v1')];
const signed = [old(one, 'v1'), old(sbom), old(signature, cosignTag(one))];
const lacking = (all: typeof has, ...changes: readonly Change[]) => broken(made(begin(all), ...changes));

const whole: Readonly<Record<string, TriedRule>> = {
  'an index has its children': {
    right: () => lacking(multiArch, byOthers(at(9), remove(platform))),
    wrong: () => lacking(multiArch, byWorker(at(9), remove(platform))),
    because: /is without its child sha256:\w+/,
  },
  'an index that came too late to be seen may lack them': {
    right: () => lacking([old(platform), old(one)], byOthers(at(6), pushed(multi)), byWorker(at(9), remove(platform))),
    wrong: () => lacking([old(platform), old(one)], byOthers(at(3), pushed(multi)), byWorker(at(9), remove(platform))),
    because: /is without its child sha256:\w+/,
  },
  'an index that was hidden may lack them': {
    right: () =>
      lacking(multiArch, byOthers(at(3), changed({ digest: multi.digest }, HIDDEN)), byWorker(at(9), remove(platform))),
    wrong: () =>
      lacking(multiArch, byOthers(at(3), changed({ digest: multi.digest }, LOCKED)), byWorker(at(9), remove(platform))),
    because: /is without its child sha256:\w+/,
  },
  'an image has its referrers': {
    right: () => lacking(signed, byWorker(at(9), remove(one))),
    wrong: () => lacking(signed, byWorker(at(9), remove(sbom))),
    because: /is without its referrer sha256:\w+/,
  },
  'an image has its signatures': {
    right: () => lacking(signed, byWorker(at(9), remove(one)), byWorker(at(10), untag(cosignTag(one)))),
    wrong: () => lacking(signed, byWorker(at(10), untag(cosignTag(one)))),
    because: /is without its signature sha256-\w+\.sig/,
  },
};

const single = { run: 'run', command: commandOf([...FLAGS, '--keep', '1']), agesFrom: BEGUN, since: BEGUN };
const kept = [old(one, 'dev-1'), { ...old(two, 'dev-2'), days: 39 }, { ...old(platform, 'v1'), days: 38 }];
const beyond = (...changes: readonly Change[]) => beyondAcrPurge(made(begin(kept), ...changes), single);

const untagged = { ...single, command: commandOf(['--untagged-only']) };
const beyondIn = (all: typeof has) => beyondAcrPurge(made(begin(all), byWorker(at(9), remove(platform))), untagged);

const asAcrPurge: Readonly<Record<string, TriedRule>> = {
  'nothing goes that acr purge keeps': {
    right: () => beyond(byWorker(at(9), untag('dev-1'))),
    wrong: () => beyond(byWorker(at(9), untag('dev-2'))),
    because: /app:dev-2 was deleted, and acr purge keeps it/,
  },
  'neither of the manifests': {
    right: () => beyond(byWorker(at(9), untag('dev-1'))),
    wrong: () => beyond(byWorker(at(9), untag('dev-1')), byWorker(at(10), remove(one))),
    because: /app@sha256:\w+ was deleted, and acr purge keeps it/,
  },
  'but for what it cannot see': {
    right: () => beyondIn([old(platform), { ...old(multi, 'v1'), locked: HIDDEN }]),
    wrong: () => beyondIn([old(platform), old(multi, 'v1')]),
    because: /app@sha256:\w+ was deleted, and acr purge keeps it/,
  },
  'where others change something, it is not known what it saw': {
    right: () => beyond(byOthers(at(1), untag('v1')), byWorker(at(9), untag('dev-2'))),
    wrong: () => beyond(byWorker(at(9), untag('dev-2')), byOthers(at(10), untag('v1'))),
    because: /app:dev-2 was deleted/,
  },
};

describeRules({ ...deletions, ...locks, ...whole, ...asAcrPurge });
