// Live events, one connection for each filter however many components listen. While the page is hidden the connection is
// closed: browsers allow six to a server, and a tab that nobody sees should not hold one. It resumes where it stopped.
import { base, queryText } from '../api/client';
import { EventStream, type StreamStatus } from '../api/event_stream';
import type { Attempt, LogEvent, Problem, Run } from '../api/types';

export type LiveEvent =
  | { type: 'run'; data: Run }
  | { type: 'attempt'; data: Attempt }
  | { type: 'log'; data: LogEvent }
  | { type: 'pipeline'; data: { pipeline: string } }
  | { type: 'problem'; data: { problems: Problem[] } }
  | { type: 'reset'; data: object }; // events were missed: what one shows has to be asked for anew
type Listener = (event: LiveEvent) => void;

interface Channel {
  stream: EventStream;
  listeners: Set<Listener>;
}

class Live {
  status = $state<StreamStatus>('closed');
  private readonly channels = new Map<string, Channel>();

  constructor() {
    document.addEventListener('visibilitychange', () => {
      for (const { stream } of this.channels.values()) {
        if (document.hidden) stream.close();
        else stream.open();
      }
    });
  }

  listen(filter: { run?: string; pipeline?: string }, listener: Listener): () => void {
    const address = `${base}/events${queryText(filter)}`;
    const channel = this.channels.get(address) ?? this.connect(address);
    channel.listeners.add(listener);
    return () => {
      channel.listeners.delete(listener);
      // A page that goes is followed by one that may want the same stream.
      setTimeout(() => {
        if (channel.listeners.size > 0 || this.channels.get(address) !== channel) return;
        this.channels.delete(address);
        channel.stream.close();
      }, 300);
    };
  }

  private connect(address: string): Channel {
    const listeners = new Set<Listener>();
    const stream = new EventStream(
      address,
      ({ type, data }) => {
        const event = { type, data: JSON.parse(data) } as LiveEvent;
        for (const listener of listeners) listener(event);
      },
      (status) => (this.status = status),
    );
    const channel = { stream, listeners };
    this.channels.set(address, channel);
    if (!document.hidden) stream.open();
    return channel;
  }
}

export const live = new Live();

// For components: listens as long as the component is there and its filter is the same.
export function listening(filter: () => { run?: string; pipeline?: string }, listener: Listener): void {
  $effect(() => live.listen(filter(), listener));
}
