// The log of one attempt: what is there page by page, then what comes live. Filters apply to both.
import { type ApiError, api, asApiError } from '../api/client';
import type { LogEvent, LogLine } from '../api/types';

export interface LogFilter {
  run: string;
  task: string;
  attempt: number | null;
  level: string;
  search: string;
}

const pageLines = 1000;
const linesMax = 50_000; // older lines fall out; the download has them all
const levels: Record<string, number> = { trace: 0, debug: 1, info: 2, warn: 3, warning: 3, error: 4, fatal: 5 };

export class LogTail {
  lines = $state.raw<LogLine[]>([]);
  busy = $state(false);
  complete = $state(false);
  error = $state.raw<ApiError | undefined>();
  private filter: LogFilter | null = null;
  private abort: AbortController | null = null;
  private waiting: LogLine[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private newest = 0; // the highest line that was seen, whether it fits the filter or not

  start(filter: LogFilter): void {
    this.stop();
    this.filter = filter;
    this.lines = [];
    this.newest = 0;
    this.complete = false;
    void this.fetch();
  }
  stop(): void {
    this.abort?.abort();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = [];
  }

  take(event: LogEvent): void {
    const filter = this.filter;
    if (!filter || event.run !== filter.run || event.task !== filter.task) return;
    if (filter.attempt !== null && event.attempt !== filter.attempt) return;
    this.waiting.push(event);
    this.timer ??= setTimeout(() => this.apply(), 100);
  }

  // The rest after an attempt ended, or after events were missed.
  async fetch(): Promise<void> {
    const filter = this.filter;
    if (!filter) return;
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.busy = true;
    try {
      for (;;) {
        const { attempt, level, search } = filter;
        const page = await api.logs(
          filter.run,
          filter.task,
          { attempt, level, search, after: this.newest || null, limit: pageLines },
          abort.signal,
        );
        if (abort.signal.aborted) return;
        this.append(page.lines);
        this.newest = Math.max(this.newest, page.next_after ?? 0);
        this.complete = page.complete;
        this.error = undefined;
        if (page.lines.length < pageLines || page.next_after === null) break;
      }
    } catch (reason) {
      if (abort.signal.aborted) return;
      this.error = asApiError(reason);
    }
    this.busy = false;
  }

  private apply(): void {
    this.timer = undefined;
    const news = this.waiting;
    this.waiting = [];
    if (this.busy) {
      // The page that is on its way may hold them; what it lacks is fetched after it.
      this.timer = setTimeout(() => this.apply(), 200);
      this.waiting = news;
      return;
    }
    // Of a program that prints faster than anybody reads, only the last lines come by themselves.
    const fresh = news.filter((line) => line.line > this.newest);
    const hasGap = fresh.some((line, index) => line.line > (fresh[index - 1]?.line ?? this.newest) + 1);
    if (hasGap) return void this.fetch();
    this.append(fresh.filter((line) => this.fits(line)));
    this.newest = fresh[fresh.length - 1]?.line ?? this.newest;
  }

  private append(lines: LogLine[]): void {
    const last = this.lines[this.lines.length - 1]?.line ?? 0;
    const added = lines.filter((line) => line.line > last);
    if (added.length > 0) this.lines = [...this.lines, ...added].slice(-linesMax);
  }

  private fits(line: LogLine): boolean {
    const { level, search } = this.filter!;
    return atLeast(line.level, level) && line.text.toLowerCase().includes(search.toLowerCase());
  }
}

export function atLeast(level: string, wanted: string): boolean {
  return wanted === '' || (levels[level.toLowerCase()] ?? 2) >= (levels[wanted] ?? 0);
}
