// One run with its steps, kept true by live events. Events are gathered and applied at most ten times a second, whatever
// their number: a run of a thousand short tasks sends thousands.
import { api } from '../api/client';
import type { Attempt, Run, RunDetail, Step } from '../api/types';
import type { LiveEvent } from './live.svelte';
import { Loader } from './loader.svelte';

export const isLive = (run: Pick<Run, 'state'> | undefined) =>
  run !== undefined && ['queued', 'running', 'cancelling'].includes(run.state);

export class LiveRun {
  readonly loader: Loader<RunDetail>;
  private attempts: Attempt[] = [];
  private run: Run | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly id: () => string | null) {
    this.loader = new Loader((signal) => {
      const id = this.id();
      return id === null ? Promise.reject(new DOMException('no run', 'AbortError')) : api.run(id, signal);
    });
  }

  get data(): RunDetail | undefined {
    return this.loader.data;
  }

  take(event: LiveEvent): void {
    const id = this.id();
    if (event.type === 'reset') return this.loader.loadSoon();
    if (event.type === 'run' && event.data.id === id) this.run = event.data;
    else if (event.type === 'attempt' && event.data.run === id) this.attempts.push(event.data);
    else return;
    this.timer ??= setTimeout(() => this.apply(), 100);
  }

  private apply(): void {
    this.timer = undefined;
    const { attempts, run } = this;
    this.attempts = [];
    this.run = null;
    if (!this.loader.data || this.loader.data.id !== this.id()) return;
    this.loader.data = {
      ...this.loader.data,
      ...(run && changeOf(this.loader.data, run)),
      steps: mergeAttempts(this.loader.data.steps, attempts),
    };
    // Checks, reasons and rows of the whole come with the whole.
    if (run && !isLive(run)) this.loader.loadSoon(150);
    else if (attempts.some((each) => each.finished_at)) this.loader.loadSoon(2500);
  }
}

// A run that has only just changed comes without what is counted elsewhere: zeros that would hide what is known.
export function changeOf(old: Run, now: Run): Run {
  return {
    ...now,
    trigger: now.trigger.events?.length ? now.trigger : { ...now.trigger, events: old.trigger.events },
    rows_written: Math.max(old.rows_written, now.rows_written),
    attempts_failed: Math.max(old.attempts_failed, now.attempts_failed),
  };
}

// Steps with their newer attempts; an attempt's task is the name of its step.
export function mergeAttempts(steps: Step[], attempts: Attempt[]): Step[] {
  if (attempts.length === 0) return steps;
  const newest = new Map<string, Attempt[]>();
  for (const attempt of attempts) newest.set(attempt.task, [...(newest.get(attempt.task) ?? []), attempt]);
  return steps.map((step) => {
    const news = newest.get(step.name);
    if (!news) return step;
    const byNumber = new Map(step.attempts.map((attempt) => [attempt.number, attempt]));
    for (const attempt of news) byNumber.set(attempt.number, attempt);
    const merged = [...byNumber.values()].sort((a, b) => a.number - b.number);
    return { ...step, attempts: merged, state: merged[merged.length - 1]!.state };
  });
}

export function lastAttempt(step: Step): Attempt | undefined {
  return step.attempts[step.attempts.length - 1];
}
