// Steps of a run, or tasks of a pipeline, as a graph shows them.
import type { Attempt, PlannedStep, Step } from '../api/types';
import { duration, shortCount } from '../format/number';
import { lastAttempt } from '../state/live_run.svelte';
import type { Marks } from './marks.svelte';
import type { GraphItem } from './types';

export { edgesOf } from './reduce';

export function itemsOf(
  tasks: Pick<PlannedStep, 'name' | 'kind' | 'summary'>[],
  href: (task: string) => string | undefined,
): GraphItem[] {
  return tasks.map(({ name, kind, summary }) => ({
    id: name,
    label: name,
    sub: kind,
    kind,
    title: summary,
    href: href(name),
  }));
}

// The rows that go along the edges of a step: of a check those that it lets pass, not those that it takes out.
function passedOn(attempt: Attempt | undefined): number | null {
  const output = attempt?.output;
  if (output && typeof output === 'object' && 'accepted' in output) return Number(output.accepted);
  return attempt?.rows_written ?? null;
}

export function markSteps(marks: Marks, steps: Step[]): void {
  for (const step of steps) {
    const attempt = lastAttempt(step);
    const facts = [
      attempt?.rows_written ? `${shortCount(attempt.rows_written)} rows` : '',
      attempt?.duration_s && step.state !== 'running' ? duration(attempt.duration_s) : '',
      (attempt?.number ?? 0) > 1 ? `attempt ${attempt!.number}` : '',
    ];
    marks.update(step.name, {
      state: step.state,
      text: facts.filter(Boolean).join(' · '),
      rows: passedOn(attempt),
    });
  }
}
