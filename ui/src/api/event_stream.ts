// Server-sent events over fetch: unlike EventSource it can resume where another stream ended (Last-Event-ID), and sees the
// status of a refusal. Format: HTML Living Standard, section 9.2.6 "Interpreting an event stream".

export interface StreamEvent {
  id: string;
  type: string;
  data: string;
}

// Feed it pieces of text as they come; it calls `emit` for each complete event.
export class EventParser {
  lastId = '';
  private rest = '';
  private data: string[] = [];
  private type = '';

  constructor(private readonly emit: (event: StreamEvent) => void) {}

  feed(piece: string): void {
    this.rest += piece;
    // A carriage return at the very end may be half of a line end: it waits for the next piece.
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.rest);
      if (!end) return;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      this.take(line);
    }
  }

  private take(line: string): void {
    if (line === '') {
      if (this.data.length > 0)
        this.emit({ id: this.lastId, type: this.type || 'message', data: this.data.join('\n') });
      this.data = [];
      this.type = '';
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.data.push(value);
    else if (name === 'event') this.type = value;
    else if (name === 'id' && !value.includes('\0')) this.lastId = value;
  }
}

export type StreamStatus = 'connecting' | 'open' | 'waiting' | 'refused' | 'closed';

// The wait before the n-th try in a row, in ms: 0.5 s doubling to 15 s, with up to a third less, so that many pages do
// not return in one moment.
export function waitMs(failures: number, random = Math.random()): number {
  return Math.round(Math.min(15_000, 500 * 2 ** Math.max(0, failures - 1)) * (1 - random / 3));
}

// A stream that stays: reconnects with Last-Event-ID until close(). A silence of 40 s (the server comments every 15 s)
// counts as a broken connection.
export class EventStream {
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private readonly parser: EventParser;

  constructor(
    private readonly address: string,
    onEvent: (event: StreamEvent) => void,
    private readonly onStatus: (status: StreamStatus) => void,
    private readonly silenceMs = 40_000,
  ) {
    this.parser = new EventParser(onEvent);
  }

  get lastId(): string {
    return this.parser.lastId;
  }

  open(): void {
    if (!this.abort) void this.connect();
  }

  close(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
    this.onStatus('closed');
  }

  private async connect(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    this.onStatus('connecting');
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => reader?.cancel().catch(() => {}), this.silenceMs);
    };
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (this.lastId) headers['last-event-id'] = this.lastId;
      const response = await fetch(this.address, {
        headers,
        credentials: 'same-origin',
        signal: abort.signal,
        cache: 'no-store',
      });
      if (response.status === 401 || response.status === 403) {
        this.onStatus('refused');
        return;
      }
      if (response.ok && response.body) {
        this.onStatus('open');
        this.failures = 0;
        reader = response.body.getReader();
        const decoder = new TextDecoder();
        for (;;) {
          alive();
          const { done, value } = await reader.read();
          if (done) break;
          this.parser.feed(decoder.decode(value, { stream: true }));
        }
      }
    } catch {
      // Broken or refused: tried again below.
    } finally {
      clearTimeout(watchdog);
    }
    if (abort.signal.aborted) return;
    this.failures += 1;
    this.onStatus('waiting');
    this.timer = setTimeout(() => void this.connect(), waitMs(this.failures));
  }
}
