import { answering } from './answering.ts';
import type { House } from './house.ts';
import type { Begin, End, GiveUp, Refuse, Run, TurnPage, Visit } from './messages.ts';
import type { Activity } from './orchestrators.ts';
import { begin, breakers, end, page, refuse, select } from './registry-run.ts';
import { giveUp, visit } from './visit.ts';

/**
 * Everything that the orchestrators have done, by name. Each may be done once, twice, or twice at the same time, and comes
 * to the same; what it throws, it is asked for again.
 */
export function activitiesOf(house: House): Readonly<Record<Activity, (about: never) => Promise<unknown>>> {
  return {
    begin: answering((about: Begin) => begin(house, about)),
    select: answering((about: Run) => select(house, about)),
    page: answering((about: TurnPage) => page(house, about)),
    visit: answering((about: Visit) => visit(house, about)),
    giveUp: answering((about: GiveUp) => giveUp(house, about)),
    breakers: answering((about: Run) => breakers(house, about)),
    end: answering((about: End) => end(house, about)),
    refuse: answering((about: Refuse) => refuse(house, about)),
  };
}
