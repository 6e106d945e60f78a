import { vi } from 'vitest';

// Before each test file: registries that `withEmulator` makes are reached without sockets, and all others as ever.
vi.mock(import('undici'), async (importOriginal) => {
  const undici = await importOriginal();
  const { agentInProcess } = await import('./in-process.ts');
  return { ...undici, Agent: agentInProcess(undici.Agent, undici.DecoratorHandler) };
});
