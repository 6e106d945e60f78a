import { cosignTag } from '../../../src/dev/emulator/manifests.ts';
import {
  changed,
  describeChanges,
  FLAGS,
  HIDDEN,
  LOCKED,
  old,
  one,
  pushed,
  remove,
  type Rule,
  SENT,
  signature,
  tagged,
  two,
  untag,
  wanting,
} from './one-change.ts';
import { commandOf } from './oracle.ts';

/** Each rule: a story that keeps it, and one like it that breaks it. */
const rules: Readonly<Record<string, Rule>> = {
  'a tag is deleted that a filter matches': {
    right: { has: [old(one, 'dev-1', 'v1')], does: untag('dev-1') },
    wrong: { has: [old(one, 'dev-1', 'v1')], does: untag('v1') },
    because: /v1: no filter matches it/,
  },
  'a tag is deleted that is old enough': {
    right: { has: [old(one, 'dev-1')], does: untag('dev-1') },
    wrong: { has: [{ ...old(one, 'dev-1'), days: 20 }], does: untag('dev-1') },
    because: /it was 240 h too young/,
  },
  'a tag is kept that was moved': {
    right: { has: [old(one, 'dev-1'), old(two)], before: [[4.9, tagged('dev-1', two)]], does: untag('dev-1') },
    wrong: { has: [old(one, 'dev-1'), old(two)], before: [[5.1, tagged('dev-1', two)]], does: untag('dev-1') },
    because: /too young/,
  },
  'a tag is kept that was pushed again': {
    right: { has: [old(one, 'dev-1')], before: [[4.9, tagged('dev-1', one)]], does: untag('dev-1') },
    wrong: { has: [old(one, 'dev-1')], before: [[5.1, tagged('dev-1', one)]], does: untag('dev-1') },
    because: /too young/,
  },
  'a tag is kept that came again': {
    right: {
      has: [old(one, 'dev-1', 'v1')],
      before: [
        [4.9, untag('dev-1')],
        [4.8, tagged('dev-1', one)],
      ],
      does: untag('dev-1'),
    },
    wrong: {
      has: [old(one, 'dev-1', 'v1')],
      before: [
        [90, untag('dev-1')],
        [4.8, tagged('dev-1', one)],
      ],
      does: untag('dev-1'),
    },
    because: /too young/,
  },
  'a request that comes late': {
    right: {
      has: [old(one, 'dev-1'), old(two)],
      before: [[-30, tagged('dev-1', two)]],
      does: untag('dev-1'),
      late: 60,
    },
    wrong: { has: [old(one, 'dev-1'), old(two)], before: [[6, tagged('dev-1', two)]], does: untag('dev-1'), late: 60 },
    because: /60\.0 s after it was sent: dev-1: it was .* too young/,
  },
  'a tag is kept that was locked': {
    right: { has: [old(one, 'dev-1')], before: [[4, changed({ tag: 'dev-1' }, LOCKED)]], does: untag('dev-1') },
    wrong: { has: [old(one, 'dev-1')], before: [[6, changed({ tag: 'dev-1' }, LOCKED)]], does: untag('dev-1') },
    because: /dev-1: it was locked/,
  },
  'a locked tag is deleted with --include-locked': {
    right: {
      has: [{ ...old(one, 'dev-1'), lockedTags: LOCKED }],
      does: untag('dev-1'),
      wanted: wanting([...FLAGS, '--include-locked']),
    },
    wrong: { has: [{ ...old(one, 'dev-1'), lockedTags: LOCKED }], does: untag('dev-1') },
    because: /it was locked/,
  },
  'a tag is kept that was hidden': {
    right: { has: [old(one, 'dev-1')], before: [[4, changed({ tag: 'dev-1' }, HIDDEN)]], does: untag('dev-1') },
    wrong: { has: [old(one, 'dev-1')], before: [[6, changed({ tag: 'dev-1' }, HIDDEN)]], does: untag('dev-1') },
    because: /it was hidden/,
  },
  'a tag is kept of which no time is known': {
    right: { has: [old(one, 'dev-1')], does: untag('dev-1') },
    wrong: { has: [{ ...old(one, 'dev-1'), time: null }, old(two)], does: remove(one) },
    because: /no time for it/,
  },
  'the newest --keep tags are kept': {
    right: {
      has: [old(one, 'dev-1'), { ...old(two, 'dev-2'), days: 39 }],
      does: untag('dev-1'),
      wanted: wanting([...FLAGS, '--keep', '1']),
    },
    wrong: {
      has: [old(one, 'dev-1'), { ...old(two, 'dev-2'), days: 39 }],
      does: untag('dev-2'),
      wanted: wanting([...FLAGS, '--keep', '1']),
    },
    because: /dev-2: it was among the newest 1/,
  },
  'a tag that was there counts for --keep': {
    right: {
      has: [old(one, 'dev-1'), { ...old(two, 'dev-2'), days: 39 }],
      before: [[30, untag('dev-2')]],
      does: untag('dev-1'),
      wanted: wanting([...FLAGS, '--keep', '1']),
    },
    wrong: {
      has: [old(one, 'dev-1'), { ...old(two, 'dev-2'), days: 39 }],
      before: [[30, untag('dev-2')]],
      does: untag('dev-1'),
      wanted: wanting([...FLAGS, '--keep', '1'], { since: SENT - 20_000 }),
    },
    because: /among the newest/,
  },
  'signatures do not count for --keep': {
    right: {
      has: [old(one, 'dev-1'), { ...old(two, 'dev-2'), days: 39 }],
      does: untag('dev-1'),
      wanted: wanting(['--filter', 'app:.*', '--ago', '30d', '--keep', '1']),
    },
    wrong: {
      has: [old(one, 'dev-1'), { ...old(signature, cosignTag(two)), days: 39 }],
      does: untag('dev-1'),
      wanted: wanting(['--filter', 'app:.*', '--ago', '30d', '--keep', '1']),
    },
    because: /among the newest/,
  },
  'a repository that is locked as a whole is left alone': {
    right: { has: [old(one, 'dev-1')], before: [[3, changed({}, LOCKED)]], does: untag('dev-1') },
    wrong: { has: [old(one, 'dev-1')], locked: true, does: untag('dev-1') },
    because: /its repository was locked/,
  },
  'nothing else goes than what was approved': {
    right: {
      has: [old(one, 'dev-1')],
      does: untag('dev-1'),
      wanted: wanting(FLAGS, { approved: new Set(['app:dev-1']) }),
    },
    wrong: {
      has: [old(one, 'dev-1')],
      does: remove(one),
      wanted: wanting(FLAGS, { approved: new Set(['app:dev-1']) }),
    },
    because: /sha256:\w+: it is not in the plan that was approved/,
  },
  'a dry run deletes nothing': {
    right: { has: [old(one, 'dev-1')], does: untag('dev-1') },
    wrong: { has: [old(one, 'dev-1')], does: untag('dev-1'), wanted: { ...wanting(), commands: [] } },
    because: /a dry run changes nothing/,
  },
  'of several commands one is enough': {
    right: {
      has: [old(one, 'dev-1')],
      does: untag('dev-1'),
      wanted: { ...wanting(), commands: [commandOf(['--untagged-only']), commandOf(FLAGS)] },
    },
    wrong: {
      has: [old(one, 'dev-1')],
      does: untag('dev-1'),
      wanted: {
        ...wanting(),
        commands: [commandOf(['--untagged-only']), commandOf(['--untagged-only', '--keep', '1'])],
      },
    },
    because: /only manifests without a tag/,
  },
  'a command may delete an image once one before it has taken its tag off': {
    right: {
      has: [old(one, 'dev-1')],
      does: remove(one),
      wanted: { ...wanting(), commands: [commandOf(FLAGS.slice(0, -1)), commandOf(['--untagged-only'])] },
    },
    wrong: {
      has: [old(one, 'dev-1')],
      does: remove(one),
      wanted: { ...wanting(), commands: [commandOf(['--untagged-only']), commandOf(FLAGS.slice(0, -1))] },
    },
    because: /only manifests without a tag/,
  },
  'nothing is unlocked without --include-locked': {
    right: {
      has: [{ ...old(one, 'dev-1'), lockedTags: LOCKED }],
      does: changed({ tag: 'dev-1' }, { deleteEnabled: true, writeEnabled: true }),
      wanted: wanting([...FLAGS, '--include-locked']),
    },
    wrong: {
      has: [{ ...old(one, 'dev-1'), lockedTags: LOCKED }],
      does: changed({ tag: 'dev-1' }, { deleteEnabled: true, writeEnabled: true }),
    },
    because: /--include-locked was not given/,
  },
  'a lock is put back as it was': {
    right: {
      has: [{ ...old(one), locked: LOCKED }],
      before: [[2, changed({ digest: one.digest }, {})]],
      does: changed({ digest: one.digest }, { deleteEnabled: false, writeEnabled: true }),
    },
    wrong: {
      has: [{ ...old(one), locked: LOCKED }],
      before: [[2, changed({ digest: one.digest }, {})]],
      does: changed({ digest: one.digest }, { deleteEnabled: false, writeEnabled: false }),
    },
    because: /had never been locked so/,
  },
  'what another client has locked meanwhile stays locked as well': {
    right: {
      has: [{ ...old(one), locked: LOCKED }],
      before: [[2, changed({ digest: one.digest }, { writeEnabled: false })]],
      does: changed({ digest: one.digest }, { deleteEnabled: false, writeEnabled: false }),
    },
    wrong: {
      has: [old(one)],
      before: [[2, changed({ digest: one.digest }, { writeEnabled: false })]],
      does: changed({ digest: one.digest }, { deleteEnabled: false, writeEnabled: false }),
    },
    because: /had never been locked so/,
  },
  'nothing is hidden': {
    right: { has: [old(one, 'dev-1')], does: untag('dev-1') },
    wrong: { has: [old(one)], does: changed({ digest: one.digest }, HIDDEN) },
    because: /no run hides anything/,
  },
  'the lock of a repository is left alone': {
    right: { has: [old(one, 'dev-1')], does: untag('dev-1') },
    wrong: { has: [old(one)], locked: true, does: changed({}, { deleteEnabled: true }) },
    because: /no run changes the attributes of a repository/,
  },
  'a process pushes nothing': {
    right: { has: [old(one, 'dev-1')], does: untag('dev-1') },
    wrong: { has: [old(one)], does: pushed(two) },
    because: /a process changes nothing of that kind/,
  },
};

describeChanges(rules);
