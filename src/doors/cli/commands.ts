import type { Command } from 'commander';
import { applyCommand } from './apply.ts';
import { cancelCommand } from './cancel.ts';
import { demoCommand } from './demo.ts';
import { diffCommand } from './diff.ts';
import { emulatorCommand } from './emulator.ts';
import { explainCommand } from './explain.ts';
import { runPurgeCommand } from './purge.ts';
import { inUseCommand } from './in-use.ts';
import { reportImagesCommand } from './report-images.ts';
import { policyCommand } from './policy.ts';
import { resumeCommand } from './resume.ts';
import { runsCommand } from './runs.ts';
import { scheduleCommand } from './schedule.ts';
import { showCommand } from './show-run.ts';
import { unpulledCommand } from './unpulled.ts';

/** The commands of the command line. @param finish is told the exit code of one that has ended */
export function commands(finish: (exitCode: 0 | 1) => void): readonly Command[] {
  return [
    runPurgeCommand(finish),
    applyCommand(finish),
    resumeCommand(finish),
    cancelCommand(),
    runsCommand(),
    showCommand(),
    policyCommand(finish),
    explainCommand(),
    diffCommand(),
    inUseCommand(finish),
    reportImagesCommand(finish),
    unpulledCommand(finish),
    scheduleCommand(),
    emulatorCommand(),
    demoCommand(finish),
  ];
}
