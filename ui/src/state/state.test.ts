import { describe, expect, it, vi } from 'vitest';
import type { Attempt, Run, State, Step } from '../api/types';
import { changeOf, mergeAttempts } from './live_run.svelte';
import { atLeast } from './log_tail.svelte';
import { mergeRun } from './run_list.svelte';

function run(id: string, more: Partial<Run> = {}): Run {
  return {
    id,
    pipeline: 'sales',
    environment: '',
    trigger: { kind: 'manual', by: 'anna', events: [] },
    params: {},
    selection: null,
    state: 'running',
    created_at: '2026-11-26T10:00:00.000000Z',
    started_at: null,
    finished_at: null,
    duration_s: null,
    queue_s: null,
    interval: null,
    error: null,
    code_version: null,
    rows_written: 0,
    attempts_failed: 0,
    ...more,
  };
}
const attempt = (task: string, number: number, state: State): Attempt => ({
  run: 'r',
  task,
  number,
  state,
  started_at: null,
  finished_at: null,
  duration_s: null,
  rows_read: 0,
  rows_written: 0,
  bytes_read: 0,
  memory_bytes_max: 0,
  error: null,
  output: null,
});
const step = (name: string, attempts: Attempt[]): Step => ({
  name,
  task: name,
  kind: 'sql',
  needs: [],
  summary: '',
  reads: [],
  writes: [],
  place: null,
  state: attempts.at(-1)?.state ?? 'queued',
  attempts,
  reason: null,
});

describe('live changes of a run', () => {
  it('replace an attempt or add one, and the step is in the state of the last', () => {
    const steps = [step('a', [attempt('a', 1, 'failed')]), step('b', [])];
    const merged = mergeAttempts(steps, [attempt('a', 2, 'running'), attempt('a', 2, 'succeeded')]);
    expect(merged[0]!.state).toBe('succeeded');
    expect(merged[0]!.attempts.map(({ number, state }) => [number, state])).toEqual([
      [1, 'failed'],
      [2, 'succeeded'],
    ]);
    expect(merged[1]).toBe(steps[1]);
  });
  it('do not hide rows that are known behind a zero', () => {
    const changed = changeOf(run('r', { rows_written: 10, attempts_failed: 2 }), run('r', { state: 'succeeded' }));
    expect([changed.state, changed.rows_written, changed.attempts_failed]).toEqual(['succeeded', 10, 2]);
  });
});

describe('a list of runs', () => {
  const list = [run('b', { created_at: '2026-11-26T10:00:02.000000Z' }), run('a')];
  it('takes a new run on top when it fits', () => {
    const fresh = run('c', { created_at: '2026-11-26T10:00:03.000000Z' });
    expect(mergeRun(list, fresh, {}).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect(mergeRun(list, fresh, { state: 'failed' })).toBe(list);
    expect(mergeRun(list, fresh, { pipeline: 'load' })).toBe(list);
  });
  it('keeps a run in its place when it changes, also when it no longer fits', () => {
    expect(
      mergeRun(list, run('a', { state: 'failed' }), { state: 'running' }).map(({ id, state }) => [id, state]),
    ).toEqual([
      ['b', 'running'],
      ['a', 'failed'],
    ]);
  });
  it('does not take an old run that is on a later page', () => {
    expect(mergeRun(list, run('z', { created_at: '2026-11-20T10:00:00.000000Z' }), {})).toBe(list);
  });
});

it('knows which level is graver', () => {
  expect([atLeast('error', 'warn'), atLeast('info', 'warn'), atLeast('debug', ''), atLeast('WARN', 'warn')]).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

vi.stubGlobal('document', { addEventListener: () => {} });
