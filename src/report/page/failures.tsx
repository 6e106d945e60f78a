import { nameOf } from '../../ledger/summary.ts';
import { type Decision, errorOf } from '../../planner/decision.ts';
import { shortDigests } from '../text.ts';
import { name, plural } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Failed, FirstOf, Notice, OutcomeBadge } from './parts.tsx';
import { openLink } from './repositories.tsx';
import type { RunView } from './run.tsx';

/** What went wrong: repositories as a whole, and single artifacts. */
export function Failures({
  setting,
  view: { run, failed, failures },
}: {
  readonly setting: Setting;
  readonly view: Pick<RunView, 'run' | 'failed' | 'failures'>;
}) {
  if (failed.count === 0 && failures.length === 0) return null;
  const singles = Math.max((run.totals?.tags.failed ?? 0) + (run.totals?.manifests.failed ?? 0), failures.length);
  return (
    <Notice tone="bad" title="Failures">
      {failed.count > 0 && (
        <>
          <h3>{plural(failed.count, 'repository')} failed</h3>
          <FirstOf items={failed.first} of={failed.count}>
            {({ summary: { repository, error } }) => (
              <>
                <a href={openLink(setting, run, repository)}>{name(repository)}</a>
                <Failed error={error} />
              </>
            )}
          </FirstOf>
        </>
      )}
      {failures.length > 0 && (
        <>
          <h3>{plural(singles, 'artifact')} failed or refused</h3>
          <FirstOf items={failures} of={singles}>
            {(decision: Decision) => (
              <>
                <a href={setting.link({ image: nameOf(decision) })}>{shortDigests(name(nameOf(decision)))}</a>{' '}
                <OutcomeBadge decision={decision} />
                <Failed error={errorOf(decision)} />
              </>
            )}
          </FirstOf>
        </>
      )}
    </Notice>
  );
}
