import type { Mutant } from './mutant.ts';

/** What is chosen to be deleted, and what the guards say to it. */
export const PLANNING: readonly Mutant[] = [
  {
    name: 'children-not-protected',
    file: 'src/planner/protect.ts',
    from: 'for (const child of children) if (graph.records.has(child.digest)) keepWithSubjects(child.digest, needed);',
    to: 'void needed;',
    says: 'What an index that is kept needs is deleted.',
  },
  {
    name: 'hidden-children-go-along',
    file: 'src/planner/needs.ts',
    from: 'if (unread.size === 0) return nothing;',
    to: 'if (unread.size >= 0) return nothing;',
    says: 'What an index needs that is kept, and is hidden, is deleted along with what it refers to.',
  },
  {
    name: 'referrers-not-protected',
    file: 'src/planner/protect.ts',
    from: 'for (const referrer of referrers) keep(referrer, refers);',
    to: 'void refers;',
    says: 'What refers to an image that is kept is deleted.',
  },
  {
    name: 'signatures-not-protected',
    file: 'src/planner/protect.ts',
    from: 'if (signatures.length > 0) keepSignatures(digest, signatureOf(own));',
    to: 'void own;',
    says: 'The signature tag of an image that is kept is deleted.',
  },
  {
    name: 'doubt-deletes',
    file: 'src/planner/protect.ts',
    from: 'for (const candidate of choice.deleted) yield [candidate, needed];',
    to: 'void needed;',
    says: 'What an index may need that cannot be read is deleted.',
  },
  {
    name: 'unread-in-silence',
    file: 'src/engine/inventory.ts',
    from: ', ...(unread.error && { unread: unread.error }) };',
    to: ' };',
    says: 'A run that kept something because it could not read a manifest says that all was done.',
  },
  {
    name: 'guards-not-asked',
    file: 'src/engine/run.ts',
    from: "return isGuarded(guards) ? ['plan', 'carry out'] : ['purge'];",
    to: "return isGuarded(guards) && false ? ['plan', 'carry out'] : ['purge'];",
    says: 'A run deletes without asking the guards.',
  },
  {
    name: 'holds-not-honoured',
    file: 'src/engine/repository.ts',
    from: 'if (hold) return holdBack(context, work.before, hold);',
    to: 'void hold;',
    says: 'What a guard holds back is deleted.',
  },
  {
    name: 'guards-asked-again',
    file: 'src/engine/begin.ts',
    from: "['parent', 'ended', 'error', 'stopped', 'cancelled'] satisfies",
    to: "['parent', 'ended', 'error', 'stopped', 'cancelled', 'breakersAsked'] satisfies",
    says: 'A run that resumes asks the guards again, about less than there was at first, and they let through what they held back.',
  },
  {
    name: 'unknown-use-ignored',
    file: 'src/engine/evidence.ts',
    from: 'const missing = observed.filter(({ complete }) => !complete);',
    to: 'const missing = observed.filter(() => false);',
    says: 'Where it is not known what is in use, a run deletes all the same.',
  },
  {
    name: 'index-over-use-deleted',
    file: 'src/planner/use.ts',
    from: '  yield* addIndexes(graph, manifests);',
    to: '',
    says: 'An index goes although one of its platforms is in use.',
  },
];
