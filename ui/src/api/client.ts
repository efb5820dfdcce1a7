// Every call to the server goes through `request`: errors become ApiError, mutations carry the header that the server asks for.
import type * as t from './types';

export const base = '/api/v1';

export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
    readonly place: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }
}

// Whatever was thrown, as an error that can be shown.
export function asApiError(reason: unknown): ApiError {
  return reason instanceof ApiError ? reason : new ApiError(0, 'bug', String(reason));
}

type Query = Record<string, string | number | boolean | null | undefined>;
interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  once?: boolean; // an Idempotency-Key, so that a repeated press does not do it twice
}

// Leaves out what is empty, so that addresses stay short and equal filters have equal addresses.
export function queryText(query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return pairs.length === 0
    ? ''
    : '?' + new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
}

let whenSignedOut: () => void = () => {};
export function onSignedOut(action: () => void): void {
  whenSignedOut = action;
}

export async function errorOf(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get('retry-after')) || null;
  try {
    const { error } = (await response.json()) as {
      error: { code: string; message: string; hint?: string; place?: string };
    };
    return new ApiError(
      response.status,
      error.code,
      error.message,
      error.hint ?? null,
      error.place ?? null,
      retryAfter,
    );
  } catch {
    return new ApiError(
      response.status,
      'unreadable',
      `The server answered ${response.status} ${response.statusText}`.trim(),
    );
  }
}

async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (method !== 'GET') headers['x-weir-request'] = '1';
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.once) headers['idempotency-key'] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  let response: Response;
  try {
    response = await fetch(base + path + queryText(options.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
    });
  } catch (reason) {
    if (options.signal?.aborted) throw reason;
    throw new ApiError(
      0,
      'unreachable',
      'Weir does not answer',
      'Is weir serve still running? This page tries again when it is back.',
    );
  }
  if (!response.ok) {
    const error = await errorOf(response);
    if (response.status === 401 && path !== '/session') whenSignedOut();
    throw error;
  }
  if (response.status === 204 || response.headers.get('content-length') === '0') return undefined as T;
  return (await response.json()) as T;
}

const get = <T>(path: string, query?: Query, signal?: AbortSignal) => request<T>('GET', path, { query, signal });
const post = <T>(path: string, body: unknown = {}, options: Options = {}) =>
  request<T>('POST', path, { body, ...options });
const at = encodeURIComponent;

export interface RunFilter {
  pipeline?: string;
  state?: string;
  trigger?: string;
  since?: string;
  until?: string;
  by?: string; // what these two go by: created, or planned as in the calendar
  search?: string;
}
export interface TriggerRequest {
  params?: { [name: string]: t.Json };
  select?: string[];
  from?: string;
  interval?: t.Interval | null;
}
export interface BackfillRequest {
  from: string;
  to: string;
  mode: string;
  parallel: number;
  downstream: boolean;
}

export const api = {
  session: (signal?: AbortSignal) => get<t.Session>('/session', {}, signal),
  signIn: (name: string, password: string) => post<t.Session>('/session', { name, password }),
  signOut: () => request<void>('DELETE', '/session'),
  changePassword: (old: string, now: string) => post<void>('/session/password', { old, new: now }),
  overview: (signal?: AbortSignal) => get<t.Overview>('/overview', {}, signal),

  pipelines: (query: Query, signal?: AbortSignal) => get<t.List<t.PipelineSummary>>('/pipelines', query, signal),
  pipeline: (name: string, signal?: AbortSignal) => get<t.Pipeline>(`/pipelines/${at(name)}`, {}, signal),
  pause: (name: string) => post<void>(`/pipelines/${at(name)}/pause`),
  resume: (name: string) => post<void>(`/pipelines/${at(name)}/resume`),
  trigger: (name: string, body: TriggerRequest) => post<t.Run>(`/pipelines/${at(name)}/runs`, body, { once: true }),
  grid: (name: string, runs: number, signal?: AbortSignal) =>
    get<t.Grid>(`/pipelines/${at(name)}/grid`, { runs }, signal),
  calendar: (name: string, from: string, to: string, signal?: AbortSignal) =>
    get<{ days: t.CalendarDay[] }>(`/pipelines/${at(name)}/calendar`, { from, to }, signal),
  backfills: (name: string, signal?: AbortSignal) =>
    get<t.List<t.Backfill>>(`/pipelines/${at(name)}/backfills`, {}, signal),
  oneBackfill: (id: string, signal?: AbortSignal) => get<t.Backfill>(`/backfills/${at(id)}`, {}, signal),
  previewBackfill: (name: string, body: BackfillRequest) =>
    post<t.BackfillPreview>(`/pipelines/${at(name)}/backfills`, { ...body, preview: true }),
  backfill: (name: string, body: BackfillRequest) =>
    post<t.Backfill>(`/pipelines/${at(name)}/backfills`, body, { once: true }),
  controlBackfill: (id: string, action: 'pause' | 'resume' | 'cancel') =>
    post<t.Backfill>(`/backfills/${at(id)}/${action}`),

  runs: (filter: RunFilter, cursor: string | null, limit: number, signal?: AbortSignal) =>
    get<t.List<t.Run>>('/runs', { ...filter, cursor, limit }, signal),
  run: (id: string, signal?: AbortSignal) => get<t.RunDetail>(`/runs/${at(id)}`, {}, signal),
  cancel: (id: string, now: boolean) => post<t.Run>(`/runs/${at(id)}/cancel`, { now }),
  retry: (id: string, from: string | null, code: 'old' | 'current') =>
    post<t.Run>(`/runs/${at(id)}/retry`, { from, code }, { once: true }),
  compare: (id: string, other: string, signal?: AbortSignal) =>
    get<t.Comparison>(`/runs/${at(id)}/compare`, { with: other }, signal),
  logs: (run: string, task: string, query: Query, signal?: AbortSignal) =>
    get<t.LogPage>(`/runs/${at(run)}/tasks/${at(task)}/logs`, query, signal),
  logsAddress: (run: string, task: string, query: Query) =>
    `${base}/runs/${at(run)}/tasks/${at(task)}/logs/download${queryText(query)}`,
  sql: (run: string, task: string, signal?: AbortSignal) =>
    get<{ statements: { title: string; sql: string }[] }>(`/runs/${at(run)}/tasks/${at(task)}/sql`, {}, signal),
  failingRows: (run: string, task: string, check: string, signal?: AbortSignal) =>
    get<t.Rows>(`/runs/${at(run)}/checks/${at(task)}/${at(check)}/rows`, {}, signal),

  tables: (query: Query, signal?: AbortSignal) => get<t.List<t.TableSummary>>('/tables', query, signal),
  table: (connection: string, table: string, signal?: AbortSignal) =>
    get<t.TableDetail>(`/tables/${at(connection)}/${at(table)}`, {}, signal),
  sample: (connection: string, table: string, limit: number, signal?: AbortSignal) =>
    get<t.Rows>(`/tables/${at(connection)}/${at(table)}/sample`, { limit }, signal),

  query: (body: { id?: string; connection: string; sql: string; limit: number }, signal?: AbortSignal) =>
    post<t.QueryResult>('/query', body, { signal }),
  cancelQuery: (id: string) => request<void>('DELETE', `/query/${at(id)}`),
  queryHistory: (signal?: AbortSignal) => get<t.List<t.QueryPast>>('/query/history', {}, signal),

  connections: (signal?: AbortSignal) => get<t.List<t.Connection>>('/connections', {}, signal),
  connectors: (signal?: AbortSignal) => get<t.List<t.Connector>>('/connectors', {}, signal),
  tryConnector: (name: string, settings: { [name: string]: t.Json }) =>
    post<t.ConnectionTest>(`/connectors/${at(name)}/test`, { settings }),
  testConnection: (name: string) => post<t.ConnectionTest>(`/connections/${at(name)}/test`),

  users: (signal?: AbortSignal) => get<t.List<t.User>>('/users', {}, signal),
  addUser: (body: { name: string; password: string; role: t.Role }) => post<t.User>('/users', body),
  changeUser: (name: string, body: { role?: t.Role; password?: string }) =>
    request<t.User>('PATCH', `/users/${at(name)}`, { body }),
  removeUser: (name: string) => request<void>('DELETE', `/users/${at(name)}`),
  tokens: (signal?: AbortSignal) => get<t.List<t.Token>>('/tokens', {}, signal),
  addToken: (body: { name: string; role: t.Role; expires_at: string | null }) => post<t.Token>('/tokens', body),
  removeToken: (id: string) => request<void>('DELETE', `/tokens/${at(id)}`),
  audit: (cursor: string | null, signal?: AbortSignal) =>
    get<t.List<t.AuditEntry>>('/audit', { cursor, limit: 100 }, signal),
  settings: (signal?: AbortSignal) => get<{ [key: string]: t.Json }>('/settings', {}, signal),
};

// All items of a list that is known to be short (pipelines, tables): at most `pages` requests.
export async function everyItem<T>(page: (cursor: string | null) => Promise<t.List<T>>, pages = 20): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let count = 0; count < pages; ++count) {
    const answer: t.List<T> = await page(cursor);
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return items;
}
