import { beforeAll, describe, expect, it } from 'vitest';
import { runWithHooks } from './node.ts';

interface Found {
  readonly first: readonly unknown[];
  readonly second: readonly unknown[];
  readonly again: readonly unknown[];
  readonly told: readonly unknown[];
  readonly settled: Readonly<Record<string, unknown>>;
  readonly caught: readonly string[];
  readonly quiet: readonly string[];
  readonly loud: readonly string[];
}

let found: Found;
beforeAll(async () => {
  found = JSON.parse(await runWithHooks('checks/hooks.ts')) as Found;
});

describe('a process with the hooks of the simulator', () => {
  it('draws the same again from the same seed, and something else before', () => {
    expect(found.again).toEqual(found.first);
    for (const [nth, drawn] of found.first.entries()) expect(found.second[nth]).not.toEqual(drawn);
  });

  it('is told the time', () => {
    expect(found.told).toEqual([12, 1000, '1970-01-01T00:00:01.000Z', 5, true]);
  });

  it('packs, unpacks and matches before the next event, without threads', () => {
    expect(found.settled).toMatchObject({ zlib: 3000, match: [[true, false]], cut: 'Error: unexpected end of file' });
    expect(found.quiet).toEqual([]);
  });

  it('refuses timers of the machine, and keeps what it refused', () => {
    const { turn, sleep, timer } = found.settled;
    for (const error of [turn, sleep, timer]) expect(error).toMatch(/^RealTimeError: set\w+\(\)/);
    expect(found.caught).toHaveLength(3);
  });

  it('sees work of the system where there is some', () => {
    expect(found.loud).toEqual(expect.arrayContaining(['Error: FSREQPROMISE', 'Error: Timeout']));
  });
});

describe('stories of the product', () => {
  it('ask for no time, thread or disk of this machine', async () => {
    expect(JSON.parse(await runWithHooks('checks/stories.ts', ['4']))).toEqual([]);
  });
});

describe('a mutant', () => {
  const run = async (name: string): Promise<unknown> =>
    runWithHooks('checks/mutant.ts', [], { SIMULATION_MUTANT: name }).catch((error: unknown) => error);

  it('is put into the source', async () => {
    expect(await run('append-at-any-length')).toBe('size < length');
    expect(await run('')).toBe('size !== length');
  });

  it('has to be known', async () => {
    expect(String(await run('none'))).toContain('there is no mutant none');
  });

  it.each([
    { times: 0, from: 'a text that is not there' },
    { times: 3, from: "from 'node:" },
  ])('has to fit: its text stands $times times', async ({ times, from }) => {
    const mutation = JSON.stringify({ file: 'src/ledger/ndjson.ts', from, to: '' });
    const error: unknown = await runWithHooks('checks/mutant.ts', [mutation]).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(`a mutant does not fit: ${JSON.stringify(from)} stands ${times} times`);
  });

  it('has to be of a file that is loaded', async () => {
    const mutation = JSON.stringify({ file: 'src/dev/emulator/faults.ts', from: 'a', to: 'b' });
    const error: unknown = await runWithHooks('checks/mutant.ts', [mutation]).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('a mutant was not put into src/dev/emulator/faults.ts');
  });
});
