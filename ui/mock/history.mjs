// A hundred thousand invented runs, each made from its number when it is asked for, and the runs of this session, which
// move along while one watches.
import { pipelines } from './project.mjs';

export const iso = (ms) => new Date(ms).toISOString().replace('Z', '000Z');
const born = Date.now();
const ran = pipelines.filter((pipeline) => !pipeline.neverRan);
const total = ran.length > 0 ? 100_000 : 0;

// A number in [0, 1) that is always the same for the same arguments.
export function chance(...parts) {
  let hash = 2166136261;
  for (const char of parts.join('/')) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
  return ((hash ^ (hash >>> 13)) >>> 0) / 4294967296;
}

const byName = new Map(pipelines.map((pipeline) => [pipeline.name, pipeline]));
export const pipelineOf = (name) => byName.get(name);

function pastIndex() {
  const list = [];
  const clocks = ran.map((pipeline) => ({
    pipeline,
    every: (pipeline.schedule?.everyS ?? 5 * 86400) * 1000,
    next: born - 60_000 - chance(pipeline.name) * 600_000,
  }));
  for (let index = 0; index < total; ++index) {
    const clock = clocks.reduce((best, each) => (each.next > best.next ? each : best));
    list.push({ pipeline: clock.pipeline, at: clock.next });
    clock.next -= clock.every;
  }
  return list;
}
const past = pastIndex();
const idOf = (at, salt) => {
  const text = new Date(at).toISOString();
  return `${text.slice(0, 10).replaceAll('-', '')}-${text.slice(11, 19).replaceAll(':', '')}-${((chance(at, salt) * 1679616) | 0).toString(36).padStart(4, '0')}`;
};
const byId = new Map(past.map((each, index) => [idOf(each.at, each.pipeline.name), index]));

const failures = {
  sales: {
    task: 'load',
    error: {
      fault: 'external',
      code: 'unavailable',
      message: 'connection to server at "127.0.0.1", port 5433 failed: Connection refused',
      hint: 'weir doctor tries every connection; is the server of shop running?',
      place: 'pipelines/sales.yml:58:3',
      context: ['copying warehouse.clean_sales to shop.sales', 'connection shop'],
    },
  },
  astronauts: {
    task: 'validate',
    error: {
      fault: 'user',
      code: 'check_failed',
      message: 'check number_is_that_of_the_people failed for 1 of 1 rows of warehouse.raw_data',
      hint: "weir query warehouse \"SELECT * FROM raw_data WHERE NOT (JSONExtractUInt(value, 'number') = length(JSONExtractArrayRaw(value, 'people')))\"",
      place: 'pipelines/astronauts.yml:31:11',
      context: ['4 rules on warehouse.raw_data'],
    },
  },
  load: {
    task: 'starlink',
    error: {
      fault: 'external',
      code: 'timed_out',
      message: 'POST https://api.spacexdata.com/v4/starlink/query: no answer within 60 s (page 4 of 8)',
      hint: 'The next attempt resumes at that page. Raise timeouts.whole of the connection api if it stays slow.',
      place: 'pipelines/load.yml:22:3',
      context: ['connection api, resource starlink'],
    },
  },
  create_data_marts: {
    task: 'loaded',
    error: {
      fault: 'user',
      code: 'check_failed',
      message: 'check load_is_fresh failed: the newest loaded_at is 1 d 4 h old, and may be 1 d',
      hint: 'Run load first: weir run load',
      place: 'pipelines/create_data_marts.yml:17:11',
      context: [],
    },
  },
  marts_by_dbt: {
    task: 'marts',
    error: {
      fault: 'system',
      code: 'not_found',
      message: 'no dbt at .venv/bin/dbt',
      hint: "python3 -m venv .venv && .venv/bin/pip install 'dbt-core==1.10.*' dbt-clickhouse==1.10.3",
      place: 'pipelines/marts_by_dbt.yml:7:5',
      context: [],
    },
  },
  thousand: {
    task: 'layer_07_part_21',
    error: {
      fault: 'system',
      code: 'resource_exhausted',
      message: 'the task was killed: out of memory (limit 512 MB)',
      hint: 'Raise memory: of the task, or read less at once',
      place: null,
      context: [],
    },
  },
};

const stateOf = (at, name) => {
  const value = chance(at, name, 'state');
  return value < 0.9 ? 'succeeded' : value < 0.97 ? 'failed' : value < 0.985 ? 'cancelled' : 'lost';
};

function pastRun(index) {
  const { pipeline, at } = past[index];
  const state = stateOf(at, pipeline.name);
  const length = criticalPath(pipeline) * (0.7 + 0.7 * chance(at, 'duration')) * (state === 'succeeded' ? 1 : 0.55);
  const kind = pipeline.schedule ? (chance(at, 'kind') < 0.93 ? 'schedule' : 'manual') : 'manual';
  const retried = state === 'succeeded' && chance(at, 'retry') < 0.05;
  return {
    id: idOf(at, pipeline.name),
    pipeline: pipeline.name,
    timezone: pipeline.schedule?.timezone ?? null,
    environment: '',
    trigger: {
      kind,
      by: kind === 'schedule' ? pipeline.schedule.text : chance(at, 'who') < 0.5 ? 'anna' : 'boris',
      events: [],
    },
    params: Object.fromEntries(pipeline.params.map((each) => [each.name, each.default])),
    selection: null,
    state,
    created_at: iso(at),
    started_at: iso(at + 12),
    finished_at: iso(at + 12 + length * 1000),
    duration_s: length,
    queue_s: 0.012,
    interval: pipeline.schedule ? { from: iso(at - pipeline.schedule.everyS * 1000), to: iso(at) } : null,
    error:
      state === 'failed'
        ? `${failures[pipeline.name].task}: ${failures[pipeline.name].error.message}`
        : state === 'lost'
          ? 'weir was killed while it ran'
          : null,
    code_version: 'a3f91c07',
    rows_written:
      state === 'succeeded'
        ? Math.round(sum(pipeline.tasks.map((each) => each.rows)) * (0.9 + 0.2 * chance(at, 'rows')))
        : 0,
    attempts_failed: state === 'failed' ? 3 : retried ? 1 : 0,
  };
}

const sum = (list) => list.reduce((a, b) => a + b, 0);
const paths = new Map();
function criticalPath(pipeline) {
  if (!paths.has(pipeline)) {
    const end = new Map();
    for (const each of pipeline.tasks)
      end.set(each.name, Math.max(0, ...each.needs.map((need) => end.get(need))) + each.seconds);
    paths.set(pipeline, Math.max(...end.values()));
  }
  return paths.get(pipeline);
}

// ---- The runs of this session, which progress.

const fresh = []; // newest first: { run, steps, checks, slow, failing }
const listeners = new Set();
export const listen = (listener) => (listeners.add(listener), () => listeners.delete(listener));
const tell = (type, data) => {
  for (const each of listeners) each(type, data);
};
export const announce = tell;

let serial = 0;
export function trigger(
  pipeline,
  { params = {}, by = 'you', kind = 'manual', from = null, interval = null, slow = 1, events = [] } = {},
) {
  const now = Date.now();
  const run = {
    id: idOf(now, 'fresh' + serial++),
    pipeline: pipeline.name,
    timezone: pipeline.schedule?.timezone ?? null,
    environment: '',
    trigger: { kind, by, events },
    params: { ...Object.fromEntries(pipeline.params.map((each) => [each.name, each.default])), ...params },
    selection: null,
    state: 'queued',
    created_at: iso(now),
    started_at: null,
    finished_at: null,
    duration_s: null,
    queue_s: null,
    interval,
    error: null,
    code_version: 'b7e204d1',
    rows_written: 0,
    attempts_failed: 0,
  };
  const steps = pipeline.tasks.map((each) => ({ ...blankStep(each), state: 'queued' }));
  if (from) {
    const again = andAfter(pipeline, from);
    for (const step of steps) {
      if (again.has(step.name)) continue;
      step.state = 'succeeded';
      step.reason = 'taken from the run before';
    }
  }
  const rows = Number(run.params.rows ?? 1);
  const entry = {
    run,
    steps,
    checks: [],
    slow,
    pipeline,
    logs: new Map(),
    failing: Number.isInteger(rows) && rows >= 0 ? null : pipeline.tasks[0]?.name,
  };
  fresh.unshift(entry);
  tell('run', run);
  keepMoving();
  return run;
}

// A task and everything that needs it.
function andAfter(pipeline, from) {
  const found = new Set(
    pipeline.tasks.filter((each) => each.task === from || each.name === from).map((each) => each.name),
  );
  for (const each of pipeline.tasks) if (each.needs.some((need) => found.has(need))) found.add(each.name);
  return found;
}

// The same run goes on: what is not done, or a task and everything after it.
export function retry(id, from) {
  let entry = fresh.find(({ run }) => run.id === id);
  if (!entry) {
    const { steps, checks, events_consumed: _, previous: __, ...run } = detailOf(id);
    const pipeline = pipelineOf(run.pipeline);
    fresh.unshift((entry = { run, steps, checks, slow: 1, pipeline, logs: new Map(), failing: null }));
  }
  const again = from ? andAfter(entry.pipeline, from) : null;
  for (const step of entry.steps)
    if (again ? again.has(step.name) : step.state !== 'succeeded')
      Object.assign(step, { state: 'queued', reason: null });
  Object.assign(entry.run, { state: 'queued', finished_at: null, error: null });
  tell('run', entry.run);
  keepMoving();
  return entry.run;
}

const blankStep = ({ name, task, kind, needs, summary, reads, writes, place }) => ({
  name,
  task,
  place,
  kind,
  needs,
  summary,
  reads,
  writes,
  state: 'queued',
  attempts: [],
  reason: null,
});

let timer = null;
function keepMoving() {
  timer ??= setInterval(() => {
    const active = fresh.filter(({ run }) => ['queued', 'running', 'cancelling'].includes(run.state));
    if (active.length === 0) {
      clearInterval(timer);
      timer = null;
    }
    for (const entry of active) move(entry);
  }, 120);
}

function move(entry) {
  const { run, steps, pipeline } = entry;
  const now = Date.now();
  if (run.state === 'queued') {
    Object.assign(run, { state: 'running', started_at: iso(now), queue_s: 0.012 });
    tell('run', run);
    return;
  }
  const state = new Map(steps.map((step) => [step.name, step.state]));
  let running = steps.filter((step) => step.state === 'running').length;
  for (const step of steps) {
    const recipe = pipeline.tasks.find((each) => each.name === step.name);
    const attempt = step.attempts.at(-1);
    if (step.state === 'running') {
      const spent = (now - new Date(attempt.started_at)) / 1000;
      const wanted = Math.max(0.15, recipe.seconds) * entry.slow;
      attempt.duration_s = spent;
      if (entry.failing !== step.name) attempt.rows_written = Math.round(recipe.rows * Math.min(1, spent / wanted));
      attempt.rows_read = attempt.rows_written;
      if (run.state === 'cancelling') finish(entry, step, 'cancelled', now);
      else if (spent >= wanted) finish(entry, step, entry.failing === step.name ? 'failed' : 'succeeded', now);
      else {
        if (chance(step.name, now) < 0.25)
          log(entry, step, 'info', `${attempt.rows_written.toLocaleString('en-US')} rows so far`);
        tell('attempt', attempt);
      }
    } else if (step.state === 'queued') {
      const needs = step.needs.map((need) => state.get(need));
      if (run.state === 'cancelling') {
        Object.assign(step, { state: 'cancelled', reason: 'the run was cancelled' });
      } else if (needs.some((each) => each === 'failed' || each === 'skipped')) {
        Object.assign(step, {
          state: 'skipped',
          reason: `${step.needs.find((need) => ['failed', 'skipped'].includes(state.get(need)))} did not succeed`,
        });
        tell('attempt', makeAttempt(run, step, 0, 'skipped', null));
      } else if (needs.every((each) => each === 'succeeded') && running < 8) {
        running += 1;
        step.state = 'running';
        step.attempts.push(makeAttempt(run, step, step.attempts.length + 1, 'running', now));
        log(entry, step, 'info', `${step.kind}: ${step.summary.replace('{{ run.id }}', run.id)}`);
        tell('attempt', step.attempts.at(-1));
      }
    }
  }
  if (steps.every((step) => !['queued', 'running'].includes(step.state))) end(entry, now);
}

const makeAttempt = (run, step, number, state, now) => ({
  run: run.id,
  task: step.name,
  number,
  state,
  started_at: now ? iso(now) : null,
  finished_at: null,
  duration_s: null,
  rows_read: 0,
  rows_written: 0,
  bytes_read: 0,
  memory_bytes_max: 0,
  error: null,
  output: null,
});

function finish(entry, step, state, now) {
  const attempt = step.attempts.at(-1);
  const recipe = entry.pipeline.tasks.find((each) => each.name === step.name);
  Object.assign(attempt, {
    state,
    finished_at: iso(now),
    duration_s: (now - new Date(attempt.started_at)) / 1000,
    bytes_read: attempt.rows_read * 61,
    memory_bytes_max: 24e6 + 90e6 * chance(step.name),
  });
  step.state = state;
  if (state === 'succeeded') {
    entry.run.rows_written += attempt.rows_written = recipe.rows;
    entry.checks.push(...checksOf(entry.pipeline, entry.run.id, step.name));
    log(entry, step, 'info', `done: ${recipe.rows.toLocaleString('en-US')} rows`);
  } else if (state === 'failed') {
    attempt.error = {
      fault: 'user',
      code: 'invalid_project',
      message: `rows is negative: ${entry.run.params.rows}`,
      hint: 'how many rows to make: 0 or more',
      place: entry.pipeline.tasks[0].place,
      context: [`task ${step.name} of ${entry.pipeline.name}`],
    };
    entry.run.attempts_failed += 1;
    entry.run.error = `${step.name}: ${attempt.error.message}`;
    log(entry, step, 'error', attempt.error.message);
  }
  tell('attempt', attempt);
}

function end(entry, now) {
  const { run, steps } = entry;
  const state =
    run.state === 'cancelling' ? 'cancelled' : steps.some((step) => step.state === 'failed') ? 'failed' : 'succeeded';
  Object.assign(run, { state, finished_at: iso(now), duration_s: (now - new Date(run.started_at)) / 1000 });
  tell('run', run);
}

function log(entry, step, level, text) {
  const lines = entry.logs.get(step.name) ?? [];
  entry.logs.set(step.name, lines);
  const line = { line: lines.length + 1, at: iso(Date.now()), level, text, attempt: step.attempts.at(-1).number };
  lines.push(line);
  tell('log', { run: entry.run.id, task: step.name, ...line });
}

export function cancel(id) {
  const entry = fresh.find(({ run }) => run.id === id);
  if (entry && ['queued', 'running'].includes(entry.run.state)) {
    entry.run.state = 'cancelling';
    tell('run', entry.run);
  }
  return entry?.run ?? runOf(id);
}

// ---- Questions about all of them.

export function runOf(id) {
  const entry = fresh.find(({ run }) => run.id === id);
  if (entry) return entry.run;
  return byId.has(id) ? pastRun(byId.get(id)) : null;
}

// Of some pipelines, or of all: null.
export function* allRuns(names = null) {
  for (const { run } of fresh) if (!names || names.includes(run.pipeline)) yield run;
  for (let index = 0; index < total; ++index) {
    if (names && !names.includes(past[index].pipeline.name)) continue;
    const run = pastRun(index);
    if (!fresh.some((each) => each.run.id === run.id)) yield run;
  }
}

export function lastRuns(name, count) {
  const found = [];
  for (const { run } of fresh) if (run.pipeline === name && found.length < count) found.push(run);
  for (let index = 0; index < total && found.length < count; ++index)
    if (past[index].pipeline.name === name) found.push(pastRun(index));
  return found;
}

export function checksOf(pipeline, run, taskName) {
  return pipeline.checks
    .filter(([name]) => !taskName || name === taskName)
    .map(([name, check, severity, failed]) => ({
      run,
      task: name,
      check,
      severity,
      passed: failed === 0,
      rows_checked: pipeline.tasks.find((each) => each.name === name).rows || 1,
      rows_failed: failed,
      detail:
        failed === 0
          ? ''
          : severity === 'warn'
            ? `${failed.toLocaleString('en-US')} rows share a value with another`
            : `${failed.toLocaleString('en-US')} rows went to warehouse.rejected_sales`,
    }));
}

export function detailOf(id) {
  const entry = fresh.find(({ run }) => run.id === id);
  const run = entry?.run ?? runOf(id);
  if (!run) return null;
  const pipeline = pipelineOf(run.pipeline);
  const two = lastRuns(run.pipeline, 400);
  const previous = two[two.findIndex((each) => each.id === id) + 1]?.id ?? null;
  if (entry)
    return { ...run, steps: entry.steps, checks: entry.checks, events_consumed: run.trigger.events ?? [], previous };
  return {
    ...run,
    ...pastSteps(run, pipeline),
    events_consumed: pipeline.after
      ? [
          {
            source: 'load',
            pipeline: 'load',
            task: '',
            run: lastRuns('load', 2).at(-1).id,
            at: run.created_at,
            rows: 6120,
            interval: null,
          },
        ]
      : [],
    previous,
  };
}

function pastSteps(run, pipeline) {
  const failing = run.state === 'succeeded' ? null : failures[pipeline.name];
  const ends = new Map();
  const states = new Map();
  const start = new Date(run.started_at).getTime();
  const scale = 0.7 + 0.7 * chance(new Date(run.created_at).getTime(), 'duration');
  const steps = pipeline.tasks.map((recipe) => {
    const step = blankStep(recipe);
    const begin = Math.max(start, ...recipe.needs.map((need) => ends.get(need)));
    const bad = recipe.needs.find((need) => states.get(need) !== 'succeeded');
    let clock = begin;
    if (bad) {
      step.state = 'skipped';
      step.reason = states.get(bad) === 'skipped' ? `${bad} was skipped` : `${bad} did not succeed`;
    } else {
      const fails = failing?.task === recipe.name;
      const tries = fails
        ? run.state === 'failed'
          ? 3
          : 1
        : run.attempts_failed > 0 && recipe === pipeline.tasks[1]
          ? 2
          : 1;
      for (let number = 1; number <= tries; ++number) {
        const attempt = makeAttempt(run, step, number, 'succeeded', clock);
        const seconds = recipe.seconds * scale * (0.8 + 0.4 * chance(run.id, recipe.name, number));
        const broken = fails || number < tries;
        Object.assign(attempt, {
          state: !broken ? 'succeeded' : run.state === 'succeeded' || run.state === 'failed' ? 'failed' : run.state,
          finished_at: iso(clock + seconds * 1000),
          duration_s: seconds,
          memory_bytes_max: 24e6 + 190e6 * chance(recipe.name),
        });
        if (broken) attempt.error = run.state === 'cancelled' ? null : (failing ?? failures[pipeline.name]).error;
        else
          Object.assign(attempt, {
            rows_written: Math.round(recipe.rows * (0.9 + 0.2 * chance(new Date(run.created_at).getTime(), 'rows'))),
            rows_read: recipe.rows,
            bytes_read: recipe.rows * 61,
            output: { tables: recipe.writes },
          });
        step.attempts.push(attempt);
        step.state = attempt.state;
        clock += seconds * 1000 + (number < tries ? 400 : 8);
      }
    }
    ends.set(recipe.name, clock);
    states.set(recipe.name, step.state);
    return step;
  });
  // The run's own duration was invented before its steps': they are stretched to it.
  const ratio = (run.duration_s * 1000) / Math.max(1, Math.max(...ends.values()) - start);
  for (const attempt of steps.flatMap((step) => step.attempts)) {
    for (const key of ['started_at', 'finished_at'])
      attempt[key] = iso(start + (new Date(attempt[key]).getTime() - start) * ratio);
    attempt.duration_s *= ratio;
  }
  const done = new Set(steps.filter((step) => step.state === 'succeeded').map((step) => step.name));
  return { steps, checks: checksOf(pipeline, run.id).filter((check) => done.has(check.task)) };
}

export function logsOf(id, taskName, attempt) {
  const entry = fresh.find(({ run }) => run.id === id);
  if (entry) {
    const lines = (entry.logs.get(taskName) ?? []).filter((line) => !attempt || line.attempt === attempt);
    const step = entry.steps.find((each) => each.name === taskName);
    return { lines, complete: !['queued', 'running'].includes(step?.state) };
  }
  const step = detailOf(id)?.steps.find((each) => each.name === taskName);
  const lines = [];
  for (const each of step?.attempts ?? []) {
    if (attempt && each.number !== attempt) continue;
    const start = new Date(each.started_at).getTime();
    const add = (level, text, share) =>
      lines.push({ line: lines.length + 1, at: iso(start + share * (each.duration_s ?? 0) * 1000), level, text });
    add(
      'info',
      `attempt ${each.number} of ${step.name} (${step.kind}) in process ${4000 + ((chance(id, each.number) * 9000) | 0)}`,
      0,
    );
    add('info', step.summary.replace('{{ run.id }}', id), 0.02);
    add('debug', `settings: batch_rows=65536 queue=4 memory_mb=512`, 0.03);
    if (step.kind === 'copy') {
      for (let part = 1; part <= 40; ++part)
        add(
          part % 13 === 0 ? 'debug' : 'info',
          `batch ${part}: ${Math.round((each.rows_read || 1000) / 40).toLocaleString('en-US')} rows read, ${Math.round((each.rows_written || 0) / 40).toLocaleString('en-US')} written`,
          0.05 + part / 50,
        );
    }
    if (step.kind === 'check')
      for (const check of checksOf(pipelineOf(runOf(id).pipeline), id, step.name))
        add(
          check.passed ? 'info' : 'warn',
          `${check.passed ? 'passed' : 'failed'} ${check.check}${check.detail ? ': ' + check.detail : ''}`,
          0.5,
        );
    if (each.error)
      add('error', `${each.error.message}\n  where: ${each.error.place}\n  hint:  ${each.error.hint}`, 0.99);
    else
      add(
        'info',
        `done: ${each.rows_written.toLocaleString('en-US')} rows in ${(each.duration_s ?? 0).toFixed(2)} s, at most ${(each.memory_bytes_max / 1e6).toFixed(0)} MB`,
        1,
      );
  }
  return { lines, complete: true };
}
