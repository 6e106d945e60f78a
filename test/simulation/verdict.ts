import {
  CancelRefused,
  HeldError,
  LedgerError,
  Misconfigured,
  PlanRefused,
  RegistryError,
  ResumeRefused,
  Unreadable,
} from '../../src/index.ts';
import type { Story } from './story.ts';

/** What the product may answer to what it is asked. Anything else is a fault of it. */
const EXPECTED = [
  CancelRefused,
  HeldError,
  LedgerError,
  Misconfigured,
  PlanRefused,
  RegistryError,
  ResumeRefused,
  Unreadable,
];

/** What did not hold in a story, in words. */
export async function whatIsWrong(story: Story): Promise<readonly string[]> {
  await Promise.resolve();
  return [
    ...story.problems,
    ...story.asked.flatMap(({ what, process, state }) => {
      if (state === 'under way' || !('error' in state)) return [];
      const { error } = state;
      if (EXPECTED.some((one) => error instanceof one)) return [];
      return [`${process.name}: ${what} failed in a way that the product does not know: ${stackOf(error)}`];
    }),
  ];
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
