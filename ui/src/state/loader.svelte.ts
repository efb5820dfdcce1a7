// Data of a page: loads when what it depends on changes, keeps the old data while the new is on its way, tries again when
// the server was away.
import { type ApiError, asApiError } from '../api/client';

export class Loader<T> {
  data = $state.raw<T | undefined>();
  error = $state.raw<ApiError | undefined>();
  busy = $state(true);
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private fetcher: (signal: AbortSignal) => Promise<T>) {}

  // The fetcher's synchronous part runs at once: that is what an effect tracks.
  load(): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.abort = abort;
    this.busy = true;
    return this.settle(this.fetcher(abort.signal), abort);
  }

  // Soon, and once for many calls: for bursts of live events.
  loadSoon(afterMs = 400): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), afterMs);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
  }

  private async settle(answer: Promise<T>, abort: AbortController): Promise<void> {
    try {
      const data = await answer;
      if (abort.signal.aborted) return;
      this.data = data;
      this.error = undefined;
    } catch (reason) {
      if (abort.signal.aborted) return;
      this.error = asApiError(reason);
      if (this.error.status === 0 || this.error.status >= 502) this.timer = setTimeout(() => void this.load(), 3000);
    }
    this.busy = false;
  }
}

// For components: loads now and whenever a value that the fetcher reads changes. `key` drops the old data, which belongs
// to something else when it changes.
export function loaded<T>(fetcher: (signal: AbortSignal) => Promise<T>, key?: () => unknown): Loader<T> {
  const loader = new Loader(fetcher);
  let last: unknown;
  $effect(() => {
    const now = key?.();
    if (now !== last) loader.data = undefined;
    last = now;
    void loader.load();
    return () => loader.stop();
  });
  return loader;
}
