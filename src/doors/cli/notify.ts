import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { receiverName } from '../../policy/notify.ts';
import { readNotifySettings } from '../../policy/settings.ts';
import { jsonLine, printable } from '../../report/escape.ts';
import { type Tested, testNotify } from '../../index.ts';
import { type Form, withOutput } from './flags.ts';
import { write } from './write.ts';

interface Flags {
  readonly test?: true;
  readonly output: Form;
}

/** `acr-retention notify --test`: whether messages arrive, and what they look like. */
export function notifyCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withOutput(new Command('notify'), ['text', 'ndjson'])
    .description('send made-up events to the addresses of NOTIFY, and say what each answered')
    .option('--test', 'send a made-up event of each kind that NOTIFY_ON chooses')
    .action(async ({ test, output }: Flags) => {
      if (!test)
        throw new PolicyError('notify', undefined, 'sends nothing but tests: write acr-retention notify --test');
      const notify = readNotifySettings(process.env);
      if (!notify) throw new PolicyError('NOTIFY', undefined, 'is not set, so there is no address to send to');
      const states = new Set<string>();
      await testNotify(notify, async (tested) => {
        states.add(tested.delivery.state);
        await write(`${output === 'ndjson' ? jsonLine(fieldsOf(tested)) : printable(inWords(tested))}\n`);
      });
      finish(states.has('failed') || states.has('unknown') ? 1 : 0);
    });
}

function fieldsOf({ kind, place, event, delivery }: Tested): unknown {
  return { address: place, form: kind, kind: event, ...delivery };
}

function inWords(tested: Tested): string {
  const { event, delivery } = tested;
  const answer =
    delivery.state === 'sent'
      ? `taken (${delivery.status})`
      : `${delivery.state === 'unknown' ? 'may not have arrived' : 'not taken'}: ${delivery.why}`;
  return `${receiverName(tested)}, ${event}: ${answer}`;
}
