import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { runWithHooks } from '../process/node.ts';

const exec = promisify(execFile);

interface Found {
  readonly killedHere: readonly string[];
  readonly killedElsewhere: readonly string[];
  readonly killedElsewhereCoarse: readonly string[];
  readonly frozen: unknown;
  readonly torn: unknown;
  readonly crowds: {
    readonly problems: readonly string[];
    readonly isSame: boolean;
    readonly kinds: Readonly<Record<string, number>>;
  };
  readonly work: readonly string[];
  readonly timers: number;
}

describe('the ledger in a simulated folder', () => {
  let found: Found;
  beforeAll(async () => {
    found = JSON.parse(await runWithHooks('checks/folder.ts', ['150'])) as Found;
  });

  it('comes to the same as in a real one', async () => {
    const [simulated, { stdout: real }] = await Promise.all([
      runWithHooks('checks/same.ts'),
      exec(process.execPath, ['test/simulation/process/checks/same.ts', 'real']),
    ]);
    const steps = JSON.parse(real) as readonly unknown[];
    expect(JSON.parse(simulated)).toEqual(steps);
    expect(steps.length).toBeGreaterThan(25);
  });

  it('gives the lock of a process that was killed away: at once on its machine, elsewhere when it has run out', () => {
    expect(found.killedHere.slice(0, 3)).toEqual(['taken', 'HeldError', 'taken']);
    expect(found.killedElsewhere).toEqual(['taken', 'HeldError', 'HeldError', 'HeldError', 'taken']);
    expect(found.killedElsewhereCoarse).toEqual(found.killedElsewhere);
  });

  it('refuses what a process adds that stood still for longer than its lock lasts', () => {
    expect(found.frozen).toEqual({
      length: 4,
      takenOver: 'taken',
      before: false,
      added: 8,
      after: true,
      late: 'ConflictError',
      file: 'one\ntwo\n',
    });
  });

  it('has a part of what a process adds that is killed meanwhile', () => {
    expect(found.torn).toEqual({
      came: 'nothing',
      isPart: true,
      repeated: 'ConflictError',
      told: [expect.stringMatching(/^a is killed after \d+ of 36 bytes when it writes to ledger\/runs\/x\/journal$/)],
    });
  });

  it('keeps every line that was added, once, whatever goes wrong', () => {
    expect(found.crowds.problems).toEqual([]);
    for (const kind of ['is killed', 'I/O error although', 'an I/O error when', 'disk full', 'waits n s'])
      expect(found.crowds.kinds[kind], kind).toBeGreaterThan(0);
  });

  it('is the same again from the same seed', () => {
    expect(found.crowds.isSame).toBe(true);
  });

  it('waits for nothing of this machine', () => {
    expect(found.work).toEqual([]);
    expect(found.timers).toBe(0);
  });

  it('shows the fault of a mutant', async () => {
    const mutant = await runWithHooks('checks/folder.ts', ['0'], { SIMULATION_MUTANT: 'append-at-any-length' });
    expect((JSON.parse(mutant) as Found).frozen).toMatchObject({ late: '9', file: 'one\ntwo\nlate\n' });
  });
});
