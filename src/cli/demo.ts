import { Command } from 'commander';

export function demoCommand(_finish: (exitCode: 0 | 1) => void): Command {
  return new Command('demo');
}
