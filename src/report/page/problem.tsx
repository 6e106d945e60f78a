import { render } from './document.tsx';
import { words } from './format.ts';
import type { Setting } from './parts.tsx';

export interface ProblemView {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** A page that says why there is none. */
export function renderProblem(setting: Setting, { status, title, detail }: ProblemView): string {
  return render({
    setting,
    title,
    children: (
      <>
        <h1>{title}</h1>
        <div class="card bad">
          <p>{words(detail)}</p>
          <p class="small quiet">Status {status}</p>
        </div>
        <p>
          <a href={setting.link()}>All runs</a>
        </p>
      </>
    ),
  });
}
