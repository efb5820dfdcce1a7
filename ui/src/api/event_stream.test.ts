import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { EventParser, EventStream, waitMs, type StreamEvent } from './event_stream';

function parsed(...pieces: string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = new EventParser((event) => events.push(event));
  for (const piece of pieces) parser.feed(piece);
  return events;
}

describe('parser', () => {
  const text = ': hello\n\nid: 7\nevent: run\ndata: {"a":\ndata: 1}\n\ndata:x\n\n';
  const wanted = [
    { id: '7', type: 'run', data: '{"a":\n1}' },
    { id: '7', type: 'message', data: 'x' },
  ];
  it('reads events', () => expect(parsed(text)).toEqual(wanted));
  it('does not mind where the pieces end', () => {
    for (let at = 1; at < text.length; ++at) expect(parsed(text.slice(0, at), text.slice(at))).toEqual(wanted);
  });
  it('takes every line end', () => {
    expect(parsed(text.replaceAll('\n', '\r\n'))).toEqual(wanted);
    const crlf = text.replaceAll('\n', '\r\n');
    for (let at = 1; at < crlf.length; ++at) expect(parsed(crlf.slice(0, at), crlf.slice(at))).toEqual(wanted);
    expect(parsed(text.replaceAll('\n', '\r') + ' ')).toEqual(wanted);
  });
  it('gives out nothing that is not complete', () => expect(parsed('data: x\n')).toEqual([]));
  it('leaves out events without data', () => expect(parsed('event: x\n\n')).toEqual([]));
});

describe('stream', () => {
  let stop: () => void = () => {};
  afterEach(() => stop());
  async function server(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const running = createServer(answer).listen(0, '127.0.0.1');
    await new Promise((resolve) => running.once('listening', resolve));
    stop = () => {
      running.closeAllConnections();
      running.close();
    };
    return `http://127.0.0.1:${(running.address() as AddressInfo).port}/`;
  }

  it('comes back after an end, and says what it saw last', async () => {
    const seen: (string | undefined)[] = [];
    const address = await server((request, response) => {
      seen.push(request.headers['last-event-id'] as string | undefined);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: ${seen.length}\nevent: run\ndata: ${seen.length}\n\n`);
      if (seen.length === 1) response.end();
    });
    const events: string[] = [];
    await new Promise<void>((resolve) => {
      const stream = new EventStream(
        address,
        ({ data }) => {
          events.push(data);
          if (events.length === 2) {
            stream.close();
            resolve();
          }
        },
        () => {},
      );
      stream.open();
    });
    expect(events).toEqual(['1', '2']);
    expect(seen).toEqual([undefined, '1']);
  });

  it('does not knock again where it is refused', async () => {
    let knocks = 0;
    const address = await server((_, response) => {
      knocks += 1;
      response.writeHead(401).end();
    });
    const status = await new Promise<string>((resolve) => {
      const stream = new EventStream(
        address,
        () => {},
        (now) => now !== 'connecting' && resolve(now),
      );
      stream.open();
    });
    expect([status, knocks]).toEqual(['refused', 1]);
  });

  it('takes a long silence for a broken connection', async () => {
    let connections = 0;
    const address = await server((_, response) => {
      connections += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(connections === 1 ? ': nothing follows\n\n' : 'data: back\n\n');
    });
    const data = await new Promise<string>((resolve) => {
      const stream = new EventStream(
        address,
        (event) => {
          stream.close();
          resolve(event.data);
        },
        () => {},
        80,
      );
      stream.open();
    });
    expect([data, connections]).toEqual(['back', 2]);
  });
});

it('waits longer after each failure, and never more than 15 s', () => {
  expect([1, 2, 3, 10].map((failures) => waitMs(failures, 0))).toEqual([500, 1000, 2000, 15_000]);
  expect(waitMs(1, 1)).toBe(333);
});
