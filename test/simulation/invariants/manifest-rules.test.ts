import { cosignTag, index } from '../../../src/dev/emulator/manifests.ts';
import {
  changed,
  describeChanges,
  FLAGS,
  HIDDEN,
  LOCKED,
  multi,
  old,
  one,
  platform,
  pushed,
  remove,
  type Rule,
  sbom,
  signature,
  tagged,
  three,
  two,
  untag,
  wanting,
} from './one-change.ts';

/** Each rule: a story that keeps it, and one like it that breaks it. */
const rules: Readonly<Record<string, Rule>> = {
  'a manifest is deleted with tags that the command selects': {
    right: { has: [old(one, 'dev-1')], does: remove(one) },
    wrong: { has: [old(one, 'dev-1', 'v1')], does: remove(one) },
    because: /v1: no filter matches it/,
  },
  'a manifest is kept that was tagged': {
    right: { has: [old(one)], before: [[4.9, tagged('v1', one)]], does: remove(one) },
    wrong: { has: [old(one)], before: [[5.1, tagged('v1', one)]], does: remove(one) },
    because: /v1: no filter matches it/,
  },
  'a manifest is deleted that is old enough': {
    right: { has: [old(one)], does: remove(one) },
    wrong: { has: [{ ...old(one), days: 20 }], does: remove(one) },
    because: /too young/,
  },
  'manifests are deleted only with --untagged': {
    right: { has: [old(one)], does: remove(one), wanted: wanting(['--untagged-only']) },
    wrong: { has: [old(one)], does: remove(one), wanted: wanting(FLAGS.slice(0, -1)) },
    because: /no manifest was to be deleted/,
  },
  'tags are deleted only without --untagged-only': {
    right: { has: [old(one)], does: remove(one), wanted: wanting(['--untagged-only']) },
    wrong: { has: [old(one, 'dev-1')], does: untag('dev-1'), wanted: wanting(['--untagged-only']) },
    because: /only manifests without a tag/,
  },
  'nothing goes from a repository that no filter selects': {
    right: { has: [old(one)], does: remove(one) },
    wrong: { has: [old(one)], does: remove(one), wanted: wanting(['--filter', 'web:.*', '--ago', '0d', '--untagged']) },
    because: /no filter matches its repository/,
  },
  'a manifest is kept that was pushed again': {
    right: {
      has: [old(one), old(two)],
      before: [
        [4.9, remove(one)],
        [4.8, pushed(one)],
      ],
      does: remove(one),
    },
    wrong: {
      has: [old(one), old(two)],
      before: [
        [30, remove(one)],
        [29, pushed(one)],
      ],
      does: remove(one),
    },
    because: /too young/,
  },
  'the newest --keep manifests are kept': {
    right: {
      has: [old(one), { ...old(two), days: 39 }],
      does: remove(one),
      wanted: wanting([...FLAGS, '--keep', '1']),
    },
    wrong: {
      has: [old(one), { ...old(two), days: 39 }, { ...old(three, 'v3'), days: 38 }],
      does: remove(two),
      wanted: wanting([...FLAGS, '--keep', '1']),
    },
    because: /it was among the newest 1/,
  },
  'a child of an index is kept': {
    right: { has: [old(platform)], before: [[4.9, pushed(multi)]], does: remove(platform) },
    wrong: { has: [old(platform)], before: [[5.1, pushed(multi)]], does: remove(platform) },
    because: /the index sha256:\w+ needed it, there for 5\.1 s/,
  },
  'an index goes before its children': {
    right: { has: [old(platform), old(multi)], before: [[1, remove(multi)]], does: remove(platform) },
    wrong: { has: [old(platform), old(multi)], before: [[-1, remove(multi)]], does: remove(platform), late: 2 },
    because: /needed it, there from the beginning/,
  },
  'an index that was hidden and has no tag is not known of': {
    right: {
      has: [old(platform), old(multi)],
      before: [[59, changed({ digest: multi.digest }, HIDDEN)]],
      does: remove(platform),
    },
    wrong: {
      has: [old(platform), old(multi, 'v1')],
      before: [[59, changed({ digest: multi.digest }, HIDDEN)]],
      does: remove(platform),
    },
    because: /needed it/,
  },
  'a referrer goes after what it refers to': {
    right: { has: [old(one, 'dev-1'), old(sbom)], does: remove(one) },
    wrong: { has: [old(one, 'v1'), old(sbom)], does: remove(sbom) },
    because: /it refers to sha256:\w+, there from the beginning/,
  },
  'a referrer of what others deleted is kept': {
    right: { has: [old(one, 'dev-1'), old(sbom)], does: remove(one) },
    wrong: { has: [old(sbom), old(two)], does: remove(sbom) },
    because: /which no run deleted/,
  },
  'what a kept referrer refers to is kept': {
    right: { has: [old(one), old(sbom)], before: [[4, tagged('v-sbom', sbom)]], does: remove(one) },
    wrong: { has: [old(one), old(sbom)], before: [[6, tagged('v-sbom', sbom)]], does: remove(one) },
    because: /v-sbom: no filter matches it/,
  },
  'what a locked referrer refers to is kept': {
    right: { has: [old(one), { ...old(sbom), days: 1 }], does: remove(one) },
    wrong: { has: [old(one), { ...old(sbom), locked: LOCKED }], does: remove(one) },
    because: /refers to another manifest, and was locked/,
  },
  'what an index needs a referrer of is kept': {
    right: { has: [old(one), old(sbom)], does: remove(one) },
    wrong: {
      has: [old(one), old(sbom), old(index([{ ...sbom, architecture: 'x', os: 'y' }]), 'v1')],
      does: remove(one),
    },
    because: /needed it/,
  },
  'a signature goes after its image': {
    right: { has: [old(one), old(signature, cosignTag(one))], before: [[2, remove(one)]], does: untag(cosignTag(one)) },
    wrong: { has: [old(one), old(signature, cosignTag(one))], does: untag(cosignTag(one)) },
    because: /it belongs to sha256:\w+, there from the beginning/,
  },
  'the manifest of a signature goes after its image': {
    right: { has: [old(one), old(signature, cosignTag(one))], before: [[2, remove(one)]], does: remove(signature) },
    wrong: { has: [old(one), old(signature, cosignTag(one))], does: remove(signature) },
    because: /it belongs to sha256:\w+, there from the beginning/,
  },
  'what is not known is kept': {
    right: { has: [old(one)], does: remove(one) },
    wrong: { has: [{ ...old(one), mediaType: 'application/vnd.example' }], does: remove(one) },
    because: /its media type is not known/,
  },
  'what a referrer of a type that is not known refers to is kept, also where that is young': {
    right: { has: [old(one), { ...old(sbom), days: 1 }], does: remove(one) },
    wrong: { has: [old(one), { ...old(sbom), days: 1, mediaType: 'application/vnd.example' }], does: remove(one) },
    because: /its media type is not known/,
  },
};

describeChanges(rules);
