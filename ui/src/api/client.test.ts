import { afterEach, expect, it, vi } from 'vitest';
import { ApiError, api, everyItem, onSignedOut, queryText } from './client';

afterEach(() => vi.unstubAllGlobals());
function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  const fetch = vi.fn(
    async (_: string, __: RequestInit) =>
      new Response(status === 204 ? null : JSON.stringify(body), { status, headers }),
  );
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

it('leaves empty parts out of an address', () => {
  expect(queryText({ a: '', b: null, c: undefined, d: 0, e: 'x y' })).toBe('?d=0&e=x+y');
  expect(queryText({})).toBe('');
});

it('marks what changes something, and repeats a trigger at most once', async () => {
  const fetch = answer(201, { id: 'r' });
  await api.trigger('a/b', { params: { rows: 1 } });
  const [address, options] = fetch.mock.calls[0]!;
  const headers = options.headers as Record<string, string>;
  expect(address).toBe('/api/v1/pipelines/a%2Fb/runs');
  expect(headers['x-weir-request']).toBe('1');
  expect(headers['idempotency-key']!.length).toBeGreaterThan(8);
  expect(options.body).toBe('{"params":{"rows":1}}');
});

it('does not mark what only reads', async () => {
  const fetch = answer(200, { items: [], next_cursor: null });
  await api.runs({ state: 'failed', pipeline: '' }, null, 60);
  const [address, options] = fetch.mock.calls[0]!;
  expect(address).toBe('/api/v1/runs?state=failed&limit=60');
  expect(options.headers).not.toHaveProperty('x-weir-request');
});

it('says what the server says', async () => {
  answer(
    429,
    { error: { code: 'resource_exhausted', message: 'too many', hint: 'wait', place: null } },
    { 'retry-after': '30' },
  );
  const error = await api.signIn('a', 'b').catch((reason: ApiError) => reason);
  expect(error).toMatchObject({
    status: 429,
    code: 'resource_exhausted',
    message: 'too many',
    hint: 'wait',
    retryAfterS: 30,
  });
});

it('has words for an answer that is no JSON, and for none', async () => {
  vi.stubGlobal('fetch', async () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
  expect(await api.overview().catch((reason: ApiError) => reason.message)).toBe('The server answered 502 Bad Gateway');
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('refused')));
  expect(await api.overview().catch((reason: ApiError) => [reason.status, reason.code])).toEqual([0, 'unreachable']);
});

it('tells when the session has ended, but not when a password was wrong', async () => {
  const ended = vi.fn();
  onSignedOut(ended);
  answer(401, { error: { code: 'access_denied', message: 'no' } });
  await api.signIn('a', 'b').catch(() => {});
  expect(ended).not.toHaveBeenCalled();
  await api.overview().catch(() => {});
  expect(ended).toHaveBeenCalledOnce();
});

it('takes an answer without a body', async () => {
  answer(204, null);
  expect(await api.pause('sales')).toBeUndefined();
});

it('reads a list to its end', async () => {
  const pages: Record<string, { items: number[]; next_cursor: string | null }> = {
    '': { items: [1, 2], next_cursor: 'b' },
    b: { items: [3], next_cursor: null },
  };
  expect(await everyItem(async (cursor) => pages[cursor ?? '']!)).toEqual([1, 2, 3]);
});
