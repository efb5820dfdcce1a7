// Runs page by page, newest first, with live changes merged in.
import { type ApiError, api, type RunFilter, asApiError } from '../api/client';
import type { Run } from '../api/types';
import { changeOf } from './live_run.svelte';
import { Loader } from './loader.svelte';

const pageSize = 60;

export class RunList {
  runs = $state.raw<Run[]>([]);
  error = $state.raw<ApiError | undefined>();
  busy = $state(false);
  private cursor = $state<string | null>(null);
  private filter: RunFilter = {};
  readonly first: Loader<true>;

  constructor() {
    this.first = new Loader<true>(async (signal) => {
      const page = await api.runs(this.filter, null, pageSize, signal);
      this.runs = page.items;
      this.cursor = page.next_cursor;
      this.error = undefined;
      return true;
    });
  }

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  start(filter: RunFilter): void {
    this.filter = filter;
    void this.first.load();
  }
  stop(): void {
    this.first.stop();
  }

  async more(): Promise<void> {
    if (this.busy || this.cursor === null) return;
    this.busy = true;
    const filter = this.filter;
    try {
      const page = await api.runs(filter, this.cursor, pageSize);
      if (filter === this.filter) {
        const known = new Set(this.runs.map((run) => run.id));
        this.runs = [...this.runs, ...page.items.filter((run) => !known.has(run.id))];
        this.cursor = page.next_cursor;
        this.error = undefined;
      }
    } catch (reason) {
      this.error = asApiError(reason);
    }
    this.busy = false;
  }

  take(run: Run): void {
    this.runs = mergeRun(this.runs, run, this.filter);
  }
}

// A live run into a list: replaced where it is, put on top when it is new and fits, left out otherwise. A listed run stays
// when its state no longer fits: what one looks at should not vanish.
export function mergeRun(runs: Run[], run: Run, filter: RunFilter): Run[] {
  const known = runs.some((each) => each.id === run.id);
  if (known) return runs.map((each) => (each.id === run.id ? changeOf(each, run) : each));
  const at = filter.by === 'planned' ? (run.interval?.to ?? run.created_at) : run.created_at;
  const fits =
    (!filter.pipeline || filter.pipeline === run.pipeline) &&
    (!filter.state || filter.state === run.state) &&
    (!filter.trigger || filter.trigger === run.trigger.kind) &&
    (!filter.since || at >= filter.since) &&
    (!filter.until || at < filter.until) &&
    (!filter.search || `${run.id} ${run.error ?? ''}`.includes(filter.search));
  const newer = runs.length === 0 || run.created_at >= runs[0]!.created_at;
  return fits && newer ? [run, ...runs] : runs;
}
