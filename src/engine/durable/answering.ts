import { describe } from '../../executor/results.ts';
import { RegistryError } from '../../registry/errors.ts';
import type { Unanswered } from './messages.ts';

/** Whether what failed may do better the next time: what the registry refuses it refuses again. */
export function mayDoBetter(status = 503): boolean {
  return status >= 500 || status === 429 || status === 408;
}

/** Keeps what a registry said whole: what an activity throws comes back as a text. */
export const answering =
  <T>(activity: (about: never) => Promise<T>) =>
  async (about: never): Promise<T | Unanswered> => {
    try {
      return await activity(about);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return { state: 'unanswered', error: describe(error), again: mayDoBetter(error.status) };
    }
  };
