// A mock of `weir serve` for developing and testing the pages: it speaks the REST API with invented data, keeps nothing and
// checks next to nothing. It is no part of Weir.
//   node mock/server.mjs [--port 8818] [--dist ../dist] [--users] [--empty]
import { createServer } from 'node:http';
import { readFileSync, existsSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pipelines, columns, connections, connectors } from './project.mjs';
import * as history from './history.mjs';

const option = (name, fallback) => {
  const at = process.argv.indexOf('--' + name);
  return at < 0 ? fallback : process.argv[at + 1];
};
const dist = option('dist', fileURLToPath(new URL('../dist/', import.meta.url)));
// The policy of `weir serve`, so that what it would refuse is refused here too.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const { iso, chance } = history;

class Refusal extends Error {
  constructor(status, code, message, hint = null, place = null) {
    super(message);
    Object.assign(this, { status, code, hint, place });
  }
}
const notFound = (what) => new Refusal(404, 'not_found', `there is no ${what}`);
const need = (value, what) => {
  if (value === null || value === undefined) throw notFound(what);
  return value;
};

// ---- State

const paused = new Set(['marts_by_dbt']);
const users = [];
const tokens = [];
const audit = [];
const backfills = [];
const queries = [];
const sessions = new Map();
const rank = { viewer: 0, operator: 1, admin: 2 };
let failedSignIns = 0;

if (process.argv.includes('--users')) {
  for (const [name, role] of [
    ['anna', 'admin'],
    ['olga', 'operator'],
    ['viktor', 'viewer'],
  ])
    users.push(newUser(name, role, 'correct horse battery'));
}
function newUser(name, role, password) {
  return { name, role, password, created_at: iso(Date.now()), last_seen_at: null };
}
const shownUser = ({ password: _, ...user }) => user;

function record(request, action, object, detail = null) {
  audit.unshift({
    at: iso(Date.now()),
    user: request.user?.name ?? 'loopback',
    action,
    object,
    detail,
    address: request.socket.remoteAddress,
  });
}
const changed = pipelines.slice(0, 6);
for (let index = 0; index < 10 * changed.length; ++index) {
  audit.push({
    at: iso(Date.now() - index * 5_400_000),
    user: index % 3 ? 'anna' : 'boris',
    action: ['run.trigger', 'pipeline.pause', 'run.retry', 'token.create'][index % 4],
    object: changed[index % 6].name,
    detail: index % 4 ? null : { params: { rows: 1000 } },
    address: '127.0.0.1',
  });
}

// ---- Views

function summaryOf(pipeline) {
  const { name, description, tags, schedule } = pipeline;
  const runs = history.lastRuns(name, 25).reverse();
  return {
    name,
    description,
    tags,
    paused: paused.has(name),
    tasks_count: pipeline.tasks.length,
    schedules: schedule
      ? [
          {
            cron: schedule.cron ?? null,
            every: schedule.every ?? null,
            timezone: schedule.timezone,
            text: schedule.text,
          },
        ]
      : [],
    next_fire: schedule && !paused.has(name) ? iso(nextFire(pipeline)) : null,
    last_runs: runs.map(({ id, state, duration_s, started_at }) => ({ id, state, duration_s, started_at })),
  };
}
// The first fire at or after an instant.
function fireFrom(schedule, at) {
  const [every, first] = [(schedule?.everyS ?? 86400) * 1000, (schedule?.firstS ?? 0) * 1000];
  return Math.ceil((at - first) / every) * every + first;
}
const nextFire = ({ schedule }) => fireFrom(schedule, Date.now());

function tablesAll() {
  const tables = new Map();
  for (const pipeline of pipelines) {
    const run = history.lastRuns(pipeline.name, 30).find((each) => each.state === 'succeeded');
    for (const task of pipeline.tasks) {
      for (const full of task.writes) {
        if (full.includes('/')) continue;
        const dot = full.indexOf('.');
        const written = run ? new Date(run.finished_at).getTime() : null;
        tables.set(full, {
          connection: full.slice(0, dot),
          table: full.slice(dot + 1),
          rows: run ? Math.round(task.rows * (1 + chance(full))) : null,
          written_at: written && iso(written),
          written_by: { pipeline: pipeline.name, task: task.name, run: run?.id ?? null },
          freshness_s: written && (Date.now() - written) / 1000,
        });
      }
    }
  }
  return [...tables.values()].sort((a, b) => `${a.connection}.${a.table}`.localeCompare(`${b.connection}.${b.table}`));
}

function columnsOf(full) {
  const known = columns[full] ?? [
    ['id', 'String', 'The key'],
    ['name', 'String'],
    ['loaded_at', "DateTime64(6, 'UTC')", 'When a load brought it last'],
    ['value', 'Nullable(Float64)'],
  ];
  return known.map(([name, type, description = null]) => ({ name, type, description }));
}
function sampleOf(full, limit) {
  const names = columnsOf(full);
  const cell = (name, type, row) => {
    const value = chance(full, name, row);
    if (/Nullable/.test(type) && value < 0.2) return null;
    if (/Int|int/.test(type)) return Math.floor(value * 100000);
    if (/Decimal|numeric/.test(type)) return (value * 5000).toFixed(2);
    if (/Float/.test(type)) return Number(value.toFixed(4));
    if (/DateTime/.test(type)) return new Date(1.79e12 + value * 1e10).toISOString().replace('T', ' ').slice(0, 23);
    if (/Date|date/.test(type)) return new Date(1.76e12 + value * 3e10).toISOString().slice(0, 10);
    return name === 'region'
      ? ['north', 'south', 'east', 'west'][Math.floor(value * 4)]
      : name === 'run_id'
        ? '20261124-094500-k3x1'
        : ((value * 1e9) | 0).toString(36);
  };
  return {
    columns: names,
    rows: Array.from({ length: limit }, (_, row) => names.map(({ name, type }) => cell(name, type, row))),
  };
}

function lineageOf(full) {
  const nodes = new Map();
  const edges = [];
  const node = (id, kind, label = id, pipeline = null) => nodes.set(id, { id, kind, label, pipeline });
  node(full, 'table');
  const walk = (table, direction, depth) => {
    if (depth > 3) return;
    for (const pipeline of pipelines.slice(0, 5)) {
      for (const task of pipeline.tasks) {
        const near = direction === 'up' ? task.writes : task.reads;
        const far = direction === 'up' ? task.reads : task.writes;
        if (!near.includes(table)) continue;
        const id = `task:${pipeline.name}.${task.name}`;
        node(id, task.kind === 'model' ? 'model' : 'task', `${pipeline.name} / ${task.name}`, pipeline.name);
        edges.push(direction === 'up' ? { from: id, to: table } : { from: table, to: id });
        for (const next of far) {
          if (next.includes('/') || next === table) continue;
          const seen = nodes.has(next);
          node(next, 'table');
          edges.push(direction === 'up' ? { from: next, to: id } : { from: id, to: next });
          if (!seen) walk(next, direction, depth + 1);
        }
      }
    }
  };
  walk(full, 'up', 0);
  walk(full, 'down', 0);
  const unique = [...new Map(edges.map((edge) => [`${edge.from}→${edge.to}`, edge])).values()];
  const tables = (direction) =>
    [...nodes.values()]
      .filter(
        ({ kind, id }) =>
          kind === 'table' &&
          id !== full &&
          reaches(unique, direction === 'up' ? id : full, direction === 'up' ? full : id),
      )
      .map(({ id }) => id);
  return { graph: { nodes: [...nodes.values()], edges: unique }, upstream: tables('up'), downstream: tables('down') };
}
function reaches(edges, from, to, seen = new Set()) {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return edges.some((edge) => edge.from === from && reaches(edges, edge.to, to, seen));
}

function page(all, query, limitDefault = 50) {
  const limit = Math.min(200, Number(query.get('limit') ?? limitDefault));
  const start = Number(query.get('cursor') ?? 0);
  const items = [];
  let position = 0;
  for (const item of all) {
    if (position++ < start) continue;
    if (items.length === limit) return { items, next_cursor: String(start + limit) };
    items.push(item);
  }
  return { items, next_cursor: null };
}

const plannedFor = (run) => run.interval?.to ?? run.created_at;

function* runsBy(query) {
  const since = query.get('since') ? new Date(query.get('since')).getTime() : 0;
  const until = query.get('until') ? new Date(query.get('until')).getTime() : Infinity;
  const wanted = (name) => query.get(name)?.split(',') ?? null;
  const [names, states, kinds, search] = [wanted('pipeline'), wanted('state'), wanted('trigger'), query.get('search')];
  const isPlanned = query.get('by') === 'planned';
  for (const run of history.allRuns(names)) {
    const at = new Date(isPlanned ? plannedFor(run) : run.created_at).getTime();
    if (since && at < since) {
      if (isPlanned) continue;
      return;
    }
    if (at >= until) continue;
    if (states && !states.includes(run.state)) continue;
    if (kinds && !kinds.includes(run.trigger.kind)) continue;
    if (search && !run.id.includes(search) && !run.pipeline.includes(search) && !(run.error ?? '').includes(search))
      continue;
    yield run;
  }
}

function makeBackfill(pipeline, body, by) {
  const step = (pipeline.schedule?.everyS ?? 86400) * 1000;
  const from = fireFrom(pipeline.schedule, new Date(body.from).getTime());
  const to = new Date(body.to).getTime();
  if (!(to > new Date(body.from).getTime()))
    throw new Refusal(
      400,
      'invalid_argument',
      'the range ends before it begins',
      'Give a `to` that is later than `from`.',
    );
  const intervals = [];
  const run = history.lastRuns(pipeline.name, 1)[0]?.id ?? null;
  for (let at = from; at + step <= to && intervals.length < 1000; at += step) {
    const past =
      chance(pipeline.name, at) < 0.6 ? (chance(pipeline.name, at, 's') < 0.85 ? 'succeeded' : 'failed') : null;
    const chosen = body.mode === 'all' || (body.mode === 'failed' ? past === 'failed' : past === null);
    if (chosen || body.preview)
      intervals.push({
        from: iso(at),
        to: iso(at + step),
        run: body.preview && past ? run : null,
        state: body.preview ? past : null,
        ...(body.preview ? { exists: past !== null, chosen } : {}),
      });
  }
  if (body.preview)
    return {
      intervals,
      overwritten: [...new Set(pipeline.tasks.flatMap((each) => each.writes).filter((each) => !each.includes('/')))],
    };
  return {
    id: 'b' + (backfills.length + 1),
    pipeline: pipeline.name,
    from: iso(from),
    to: iso(to),
    mode: body.mode,
    parallel: body.parallel,
    state: 'running',
    params: {},
    downstream: body.downstream,
    intervals,
    created_at: iso(Date.now()),
    by,
  };
}

setInterval(() => {
  for (const backfill of backfills.filter((each) => each.state === 'running')) {
    for (const interval of backfill.intervals)
      if (interval.run) interval.state = history.runOf(interval.run)?.state ?? null;
    const open = backfill.intervals.filter((each) => ['queued', 'running'].includes(each.state)).length;
    const next = backfill.intervals.filter((each) => !each.run).slice(0, Math.max(0, backfill.parallel - open));
    for (const interval of next) {
      const run = history.trigger(history.pipelineOf(backfill.pipeline), {
        kind: 'backfill',
        by: `${backfill.by} (${backfill.id})`,
        interval: { from: interval.from, to: interval.to },
      });
      Object.assign(interval, { run: run.id, state: 'queued' });
    }
    if (backfill.intervals.every((each) => each.run && !['queued', 'running'].includes(each.state)))
      backfill.state = 'done';
  }
}, 500).unref();

function fakeQuery(body, request) {
  const sql = String(body.sql ?? '').trim();
  const past = {
    connection: body.connection,
    sql,
    at: iso(Date.now()),
    user: request.user?.name ?? 'loopback',
    elapsed_s: 0.021,
    rows: null,
    error: null,
  };
  queries.unshift(past);
  if (!/^(select|with|show|describe|explain)/i.test(sql)) {
    past.error = `Syntax error: failed at position 1 (${sql.split(/\s/)[0]}): only SELECT is known to this mock`;
    throw new Refusal(400, 'invalid_query', past.error, 'Try SELECT * FROM sales_aggregates');
  }
  const table = /from\s+([\w.]+)/i.exec(sql)?.[1] ?? 'numbers';
  const answer = sampleOf(
    columns[`${body.connection}.${table}`] ? `${body.connection}.${table}` : table,
    Math.min(body.limit ?? 1000, /limit\s+(\d+)/i.exec(sql)?.[1] ?? 500),
  );
  past.rows = answer.rows.length;
  return {
    ...answer,
    id: body.id ?? 'q' + queries.length,
    elapsed_s: past.elapsed_s,
    truncated: answer.rows.length >= (body.limit ?? 1000),
  };
}

// ---- Routes: [method, pattern, role, answer(request, params, query, body)]

const pipe = (p) => need(history.pipelineOf(p.pipeline), `pipeline ${p.pipeline}`);
const routes = [
  [
    'GET',
    '/session',
    null,
    (request) => ({
      user: request.user ? { name: request.user.name, role: request.user.role } : null,
      open: users.length === 0,
      version: '0.1.0-mock',
      project: users.length > 0 && !request.user ? null : { name: 'demo', folder: '/srv/demo', environment: '' },
      timezone: 'America/New_York',
    }),
  ],
  [
    'POST',
    '/session',
    null,
    (request, _, __, body) => {
      const user = users.find((each) => each.name === body.name && each.password === body.password);
      if (failedSignIns >= 5)
        throw Object.assign(
          new Refusal(429, 'resource_exhausted', 'too many wrong passwords', 'Wait, then try again.'),
          { headers: { 'retry-after': '30' } },
        );
      if (!user) {
        failedSignIns += 1;
        throw new Refusal(401, 'access_denied', 'no user of that name has that password');
      }
      failedSignIns = 0;
      const id = Math.random().toString(36).slice(2);
      sessions.set(id, user);
      user.last_seen_at = iso(Date.now());
      request.cookie = `weir_session=${id}; Path=/; HttpOnly; SameSite=Strict`;
      return {
        user: { name: user.name, role: user.role },
        open: false,
        version: '0.1.0-mock',
        project: { name: 'demo', folder: '/srv/demo', environment: '' },
        timezone: 'America/New_York',
      };
    },
  ],
  [
    'POST',
    '/session/password',
    'viewer',
    (request, _, __, body) => {
      if (!request.user || request.user.password !== body.old)
        throw new Refusal(403, 'access_denied', 'the old password is another one');
      request.user.password = body.new;
    },
  ],
  ['DELETE', '/session', null, (request) => void (request.cookie = 'weir_session=; Path=/; Max-Age=0')],
  [
    'GET',
    '/overview',
    'viewer',
    () => {
      const day = iso(Date.now() - 86_400_000);
      const recent = [...runsBy(new URLSearchParams({ since: day }))];
      return {
        running: recent.filter((run) => ['queued', 'running', 'cancelling'].includes(run.state)),
        failed: recent.filter((run) => run.state === 'failed'),
        next: pipelines
          .filter((each) => each.schedule && !paused.has(each.name))
          .map((each) => ({ pipeline: each.name, at: iso(nextFire(each)), schedule: each.schedule.text }))
          .sort((a, b) => a.at.localeCompare(b.at)),
        // Never written first, then the oldest, as far as fifty go.
        tables: tablesAll()
          .sort((a, b) => (a.written_at ?? '').localeCompare(b.written_at ?? ''))
          .slice(0, 50),
        totals: {
          runs_24h: recent.length,
          failed_24h: recent.filter((run) => run.state === 'failed').length,
          rows_24h: recent.reduce((all, run) => all + run.rows_written, 0),
        },
        problems: changed.slice(0, 1).map(() => ({
          place: 'pipelines/sales.yml:21:7',
          message: 'unknown key in copy: form',
          hint: 'did you mean from?',
        })),
      };
    },
  ],
  [
    'GET',
    '/pipelines',
    'viewer',
    (_, __, query) => {
      const wanted = (query.get('search') ?? '').toLowerCase();
      const all = pipelines
        .map(summaryOf)
        .filter((each) => (each.name + each.description).toLowerCase().includes(wanted))
        .filter((each) => !query.get('tag') || each.tags.includes(query.get('tag')))
        .filter(
          (each) =>
            !query.get('state') ||
            (query.get('state') === 'paused' ? each.paused : each.last_runs.at(-1)?.state === query.get('state')),
        );
      return page(all, query);
    },
  ],
  [
    'GET',
    '/pipelines/:pipeline',
    'viewer',
    (_, p) => {
      const pipeline = pipe(p);
      return {
        ...summaryOf(pipeline),
        params: pipeline.params,
        tasks: pipeline.written.map(({ name, kind, needs, place }) => ({ name, kind, needs, place })),
        steps: pipeline.tasks.map(({ rows: _r, seconds: _s, nodes: _n, ...step }) => step),
        after: (pipeline.after ?? []).map((each) => each.pipeline),
        problem: null,
        files: [{ path: `pipelines/${pipeline.name}.yml`, text: pipeline.text }],
      };
    },
  ],
  [
    'POST',
    '/pipelines/:pipeline/pause',
    'operator',
    (request, p) => {
      paused.add(pipe(p).name);
      record(request, 'pipeline.pause', p.pipeline);
      history.announce('pipeline', { pipeline: p.pipeline });
    },
  ],
  [
    'POST',
    '/pipelines/:pipeline/resume',
    'operator',
    (request, p) => {
      paused.delete(pipe(p).name);
      record(request, 'pipeline.resume', p.pipeline);
      history.announce('pipeline', { pipeline: p.pipeline });
    },
  ],
  [
    'POST',
    '/pipelines/:pipeline/runs',
    'operator',
    (request, p, _, body) => {
      const pipeline = pipe(p);
      const params = body.params ?? {};
      for (const { name, type } of pipeline.params) {
        if (type === 'integer' && name in params && !Number.isInteger(params[name]))
          throw new Refusal(
            422,
            'invalid_project',
            `${name} takes a whole number, but its template gave another value: ${params[name]}`,
            '',
            `pipelines/${pipeline.name}.yml:12:13`,
          );
      }
      record(request, 'run.trigger', p.pipeline, body.params ?? null);
      return history.trigger(pipeline, {
        params,
        by: request.user?.name ?? 'loopback',
        interval: body.interval ?? null,
        from: body.from || null,
        slow: Math.max(1, (params.rows ?? 0) / 1e6), // as many rows take longer
      });
    },
  ],
  [
    'GET',
    '/pipelines/:pipeline/grid',
    'viewer',
    (_, p, query) => {
      const pipeline = pipe(p);
      const runs = history.lastRuns(pipeline.name, Number(query.get('runs') ?? 25));
      const cells = Object.fromEntries(
        runs.map((run) => [
          run.id,
          Object.fromEntries(
            history.detailOf(run.id).steps.map((step) => [
              step.name,
              {
                state: step.state,
                attempts: step.attempts.length,
                duration_s: step.attempts.at(-1)?.duration_s ?? null,
                rows_written: step.attempts.at(-1)?.rows_written ?? 0,
              },
            ]),
          ),
        ]),
      );
      return { runs, tasks: pipeline.tasks.map((task) => task.name), cells };
    },
  ],
  [
    'GET',
    '/pipelines/:pipeline/calendar',
    'viewer',
    (_, p, query) => {
      const pipeline = pipe(p);
      const days = new Map();
      const from = new Date(query.get('from')).getTime();
      const to = new Date(query.get('to')).getTime();
      // A day is one of the pipeline's zone: en-CA writes it as 2026-11-26.
      const day = new Intl.DateTimeFormat('en-CA', { timeZone: pipeline.schedule?.timezone ?? 'UTC' });
      for (let at = from; at < to; at += 86_400_000) {
        const ahead = at > Date.now() && pipeline.schedule;
        const every = pipeline.schedule?.everyS ?? 1;
        const planned = !ahead
          ? 0
          : every >= 7 * 86400
            ? new Date(at).getUTCDay() === 2
              ? 1
              : 0
            : Math.round(86400 / every);
        days.set(day.format(at), {
          date: day.format(at),
          succeeded: 0,
          failed: 0,
          other: 0,
          fires_planned: planned,
        });
      }
      for (const run of runsBy(new URLSearchParams({ pipeline: pipeline.name, since: iso(from), by: 'planned' }))) {
        const counts = days.get(day.format(new Date(plannedFor(run))));
        if (counts) counts[run.state === 'succeeded' ? 'succeeded' : run.state === 'failed' ? 'failed' : 'other'] += 1;
      }
      return { days: [...days.values()] };
    },
  ],
  [
    'GET',
    '/pipelines/:pipeline/backfills',
    'viewer',
    (_, p) => ({ items: backfills.filter((each) => each.pipeline === p.pipeline), next_cursor: null }),
  ],
  [
    'POST',
    '/pipelines/:pipeline/backfills',
    'operator',
    (request, p, _, body) => {
      const backfill = makeBackfill(pipe(p), body, request.user?.name ?? 'loopback');
      if (!body.preview) {
        backfills.unshift(backfill);
        record(request, 'backfill.create', p.pipeline, { from: body.from, to: body.to });
      }
      return backfill;
    },
  ],
  [
    'GET',
    '/backfills/:id',
    'viewer',
    (_, p) =>
      need(
        backfills.find((each) => each.id === p.id),
        'backfill',
      ),
  ],
  ...['pause', 'resume', 'cancel'].map((action) => [
    'POST',
    `/backfills/:id/${action}`,
    'operator',
    (_, p) =>
      Object.assign(
        need(
          backfills.find((each) => each.id === p.id),
          'backfill',
        ),
        { state: { pause: 'paused', resume: 'running', cancel: 'cancelled' }[action] },
      ),
  ]),
  ['GET', '/runs', 'viewer', (_, __, query) => page(runsBy(query), query)],
  ['GET', '/runs/:run', 'viewer', (_, p) => need(history.detailOf(p.run), `run ${p.run}`)],
  [
    'POST',
    '/runs/:run/cancel',
    'operator',
    (request, p) => {
      record(request, 'run.cancel', p.run);
      return need(history.cancel(p.run), `run ${p.run}`);
    },
  ],
  [
    'POST',
    '/runs/:run/retry',
    'operator',
    (request, p, _, body) => {
      const run = need(history.runOf(p.run), `run ${p.run}`);
      if (!['failed', 'cancelled', 'lost'].includes(run.state) && !(run.state === 'succeeded' && body.from))
        throw new Refusal(400, 'invalid_argument', `run ${p.run} is ${run.state}`);
      record(request, 'run.retry', p.run, body);
      return history.retry(p.run, body.from ?? null);
    },
  ],
  [
    'GET',
    '/runs/:run/compare',
    'viewer',
    (_, p, query) => {
      const side = (id) =>
        new Map(
          need(history.detailOf(id), `run ${id}`).steps.map((step) => [
            step.name,
            {
              state: step.state,
              attempts: step.attempts.length,
              duration_s: step.attempts.at(-1)?.duration_s ?? null,
              rows_read: step.attempts.at(-1)?.rows_read ?? 0,
              rows_written: step.attempts.at(-1)?.rows_written ?? 0,
              memory_bytes_max: step.attempts.at(-1)?.memory_bytes_max ?? 0,
            },
          ]),
        );
      const [ours, theirs] = [side(p.run), side(query.get('with'))];
      return {
        tasks: [...new Set([...ours.keys(), ...theirs.keys()])].map((task) => ({
          task,
          ours: ours.get(task) ?? null,
          theirs: theirs.get(task) ?? null,
        })),
      };
    },
  ],
  [
    'GET',
    '/runs/:run/tasks/:task/logs',
    'viewer',
    (_, p, query) => {
      const { lines, complete } = history.logsOf(p.run, p.task, Number(query.get('attempt')) || null);
      const level = { debug: 0, info: 1, warn: 2, error: 3 };
      const wanted = lines.filter(
        (line) =>
          level[line.level] >= (level[query.get('level')] ?? 0) &&
          line.text.toLowerCase().includes((query.get('search') ?? '').toLowerCase()) &&
          line.line > Number(query.get('after') ?? 0),
      );
      const limit = Number(query.get('limit') ?? 1000);
      return {
        lines: wanted.slice(0, limit),
        next_after: wanted.slice(0, limit).at(-1)?.line ?? Number(query.get('after') ?? 0),
        complete: complete && wanted.length <= limit,
        attempt: Number(query.get('attempt')) || 1,
      };
    },
  ],
  [
    'GET',
    '/runs/:run/tasks/:task/logs/download',
    'viewer',
    (_, p, query) => ({
      text: history
        .logsOf(p.run, p.task, Number(query.get('attempt')) || null)
        .lines.map((line) => `${line.at} ${line.level.padEnd(5)} ${line.text}\n`)
        .join(''),
    }),
  ],
  [
    'GET',
    '/runs/:run/tasks/:task/sql',
    'viewer',
    (_, p) => {
      const run = need(history.runOf(p.run), `run ${p.run}`);
      const task = need(
        history.pipelineOf(run.pipeline).tasks.find((each) => each.name === p.task),
        `task ${p.task}`,
      );
      if (!['model', 'sql', 'check', 'reconcile'].includes(task.kind)) return { statements: [] };
      return {
        statements: [{ name: task.node || task.name }].map(({ name }) => ({
          title: `${name}`,
          sql: `CREATE OR REPLACE TABLE ${name} ENGINE = MergeTree ORDER BY tuple() AS\nWITH ranked AS (\n  SELECT *, row_number() OVER (PARTITION BY sale_id ORDER BY sale_date DESC) AS position\n  FROM ${(task.reads[0] ?? 'numbers').split('.').slice(1).join('.')}\n)\nSELECT toInt64(trim(sale_id)) AS sale_id, toDate(sale_date) AS sale_date, lower(trim(region)) AS region\nFROM ranked\nWHERE position = 1 -- run ${p.run}\n`,
        })),
      };
    },
  ],
  [
    'GET',
    '/runs/:run/checks/:task/:check/rows',
    'viewer',
    () => {
      const { columns: names, rows } = sampleOf('warehouse.raw_sales', 12);
      return {
        columns: [...names, { name: 'weir_rule', type: 'String' }],
        rows: rows.map((row) => [...row, 'no_value_is_missing']),
      };
    },
  ],
  [
    'GET',
    '/tables',
    'viewer',
    (_, __, query) =>
      page(
        tablesAll().filter((each) => `${each.connection}.${each.table}`.includes(query.get('search') ?? '')),
        query,
      ),
  ],
  [
    'GET',
    '/tables/:connection/:table',
    'viewer',
    (_, p) => {
      const full = `${p.connection}.${p.table}`;
      const table = need(
        tablesAll().find((each) => `${each.connection}.${each.table}` === full),
        `table ${full}`,
      );
      const runs = table.written_by
        ? history.lastRuns(table.written_by.pipeline, 40).filter((run) => run.state === 'succeeded')
        : [];
      return {
        ...table,
        columns: columnsOf(full),
        history: runs
          .slice()
          .reverse()
          .map((run, index) => ({
            at: run.finished_at,
            rows: Math.round(table.rows * (0.75 + index * 0.007 + 0.03 * chance(run.id))),
          }))
          .reverse(),
        ...lineageOf(full),
        runs: runs.slice(0, 20),
      };
    },
  ],
  [
    'GET',
    '/tables/:connection/:table/sample',
    'viewer',
    (_, p, query) => sampleOf(`${p.connection}.${p.table}`, Number(query.get('limit') ?? 50)),
  ],
  [
    'POST',
    '/query',
    'viewer',
    (request, _, __, body) => {
      if (!/sleep/i.test(body.sql)) return fakeQuery(body, request);
      return new Promise((resolve, reject) => waiting.set(body.id, { resolve, reject }));
    },
  ],
  ['GET', '/query/history', 'viewer', () => ({ items: queries.slice(0, 100), next_cursor: null })],
  [
    'DELETE',
    '/query/:id',
    'viewer',
    (_, p) => void waiting.get(p.id)?.reject(new Refusal(409, 'cancelled', 'the query was cancelled')),
  ],
  ['GET', '/connections', 'viewer', () => ({ items: pipelines.length > 0 ? connections : [], next_cursor: null })],
  [
    'POST',
    '/connections/:connection/test',
    'operator',
    (_, p) =>
      p.connection === 'crm'
        ? {
            ok: false,
            elapsed_s: 0.204,
            error: {
              fault: 'external',
              code: 'unavailable',
              message: 'could not translate host name "crm.internal" to address: Name or service not known',
              hint: 'Is the host’s name right, and does this machine’s resolver know it?',
              place: 'weir.yml:7:3',
              context: [],
            },
          }
        : { ok: true, elapsed_s: 0.004 + chance(p.connection) / 50 },
  ],
  ['GET', '/connectors', 'viewer', () => ({ items: connectors, next_cursor: null })],
  [
    'POST',
    '/connectors/:connector/test',
    'admin',
    (_, __, ___, { settings }) =>
      settings.port === 1
        ? {
            ok: false,
            elapsed_s: 0.002,
            error: { code: 'unavailable', message: `${settings.host}:1 Connection refused`, hint: '', place: null },
          }
        : { ok: true, elapsed_s: 0.01, error: null },
  ],
  ['GET', '/users', 'admin', () => ({ items: users.map(shownUser), next_cursor: null })],
  [
    'POST',
    '/users',
    null,
    (request, _, __, body) => {
      if (users.length > 0 && request.user?.role !== 'admin')
        throw new Refusal(403, 'access_denied', 'only an admin may add users');
      if (users.some((each) => each.name === body.name))
        throw new Refusal(409, 'already_exists', `there is a user ${body.name}`);
      if (String(body.password ?? '').length < 12)
        throw new Refusal(400, 'invalid_argument', 'the password is shorter than 12 characters');
      users.push(newUser(body.name, users.length === 0 ? 'admin' : body.role, body.password));
      record(request, 'user.create', body.name, { role: body.role });
      return shownUser(users.at(-1));
    },
  ],
  [
    'PATCH',
    '/users/:name',
    'admin',
    (request, p, __, body) => {
      const user = need(
        users.find((each) => each.name === p.name),
        'user',
      );
      record(request, 'user.change', p.name, { role: body.role });
      return shownUser(Object.assign(user, body));
    },
  ],
  [
    'DELETE',
    '/users/:name',
    'admin',
    (request, p) => {
      users.splice(
        users.findIndex((each) => each.name === p.name),
        1,
      );
      record(request, 'user.remove', p.name);
    },
  ],
  ['GET', '/tokens', 'viewer', () => ({ items: tokens, next_cursor: null })],
  [
    'POST',
    '/tokens',
    'viewer',
    (request, _, __, body) => {
      const token = {
        id: 't' + (tokens.length + 1),
        name: body.name,
        role: body.role,
        created_at: iso(Date.now()),
        last_used_at: null,
        expires_at: body.expires_at ?? null,
      };
      tokens.push(token);
      record(request, 'token.create', body.name);
      return { ...token, token: 'weir_' + Math.random().toString(36).slice(2).padEnd(32, '0') };
    },
  ],
  [
    'DELETE',
    '/tokens/:id',
    'viewer',
    (_, p) =>
      void tokens.splice(
        tokens.findIndex((each) => each.id === p.id),
        1,
      ),
  ],
  ['GET', '/audit', 'admin', (_, __, query) => page(audit, query)],
  [
    'GET',
    '/settings',
    'viewer',
    () => ({ address: '127.0.0.1:8818', tls: false, parallel: 8, ledger: '.weir/ledger.sqlite3', retention_days: 30 }),
  ],
];
const waiting = new Map();

// ---- HTTP

function matching(pattern, path) {
  const [a, b] = [pattern.split('/'), path.split('/')];
  if (a.length !== b.length) return null;
  const params = {};
  for (let index = 0; index < a.length; ++index) {
    if (a[index].startsWith(':')) params[a[index].slice(1)] = decodeURIComponent(b[index]);
    else if (a[index] !== b[index]) return null;
  }
  return params;
}

async function bodyOf(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text ? JSON.parse(text) : {};
}

function send(response, status, value, headers = {}) {
  const isText = typeof value?.text === 'string' && Object.keys(value).length === 1;
  response.writeHead(status, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'cache-control': 'no-store',
    ...(isText ? { 'content-disposition': 'attachment; filename="log.txt"' } : {}),
    ...headers,
  });
  response.end(value === undefined ? '' : isText ? value.text : JSON.stringify(value));
}

function sendError(response, error) {
  const { status = 500, code = 'internal', message, hint = null, place = null, headers = {} } = error;
  if (status === 500) console.error(error);
  send(response, status, { error: { code, message, hint, place } }, headers);
}

const past = []; // events that a client may ask for again
let lastEvent = 0;
history.listen((type, data) => {
  past.push({ id: ++lastEvent, type, data });
  if (past.length > 5000) past.shift();
});

function events(request, response, query) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': hello\n\n');
  const [run, pipeline] = [query.get('run'), query.get('pipeline')];
  const write = (id, type, data) => {
    if (run ? (type === 'run' ? data.id : data.run) !== run : type === 'log') return;
    if (pipeline && (type === 'run' ? data.pipeline : history.runOf(data.run)?.pipeline) !== pipeline) return;
    response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const since = Number(request.headers['last-event-id']);
  if (since) for (const each of past) if (each.id > since) write(each.id, each.type, each.data);
  const stop = history.listen((type, data) => write(lastEvent, type, data));
  const comment = setInterval(() => response.write(': still here\n\n'), 15_000);
  response.on('close', () => (stop(), clearInterval(comment)));
}

async function answer(request, response, path, query) {
  request.user = sessions.get(/weir_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1]) ?? null;
  const open = users.length === 0;
  if (path === '/events') {
    if (!open && !request.user) throw new Refusal(401, 'access_denied', 'sign in first');
    return events(request, response, query);
  }
  for (const [method, pattern, role, handle] of routes) {
    const params = method === request.method && matching(pattern, path);
    if (!params) continue;
    if (role && !open) {
      if (!request.user) throw new Refusal(401, 'access_denied', 'sign in first');
      if (rank[request.user.role] < rank[role])
        throw new Refusal(
          403,
          'access_denied',
          `this needs the role ${role}, and ${request.user.name} is ${request.user.role}`,
        );
    }
    if (method !== 'GET' && request.headers['x-weir-request'] !== '1')
      throw new Refusal(403, 'access_denied', 'the header X-Weir-Request is missing');
    const value = await handle(request, params, query, method === 'GET' ? {} : await bodyOf(request));
    const created = method === 'POST' && /\/(runs|users|tokens|backfills)$/.test(path);
    return send(
      response,
      value === undefined ? 204 : created ? 201 : 200,
      value,
      request.cookie ? { 'set-cookie': request.cookie } : {},
    );
  }
  throw notFound(`route ${request.method} ${path}`);
}

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
function sendFile(response, path) {
  let file = normalize(join(dist, path));
  if (!file.startsWith(normalize(dist)) || !existsSync(file) || statSync(file).isDirectory())
    file = join(dist, 'index.html');
  if (!existsSync(file)) return send(response, 404, { text: 'ui/dist is not there: npm run build\n' });
  response.writeHead(200, {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  });
  response.end(readFileSync(file));
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://mock');
  if (!pathname.startsWith('/api/v1/')) return sendFile(response, pathname);
  answer(request, response, pathname.slice('/api/v1'.length), searchParams).catch((error) =>
    sendError(response, error),
  );
});
server.listen(Number(option('port', 8818)), '127.0.0.1', () =>
  console.log(`mock of weir serve: http://127.0.0.1:${server.address().port}`),
);

// Something that runs while one looks: a slow load, slower with --slow.
if (pipelines.length > 0)
  history.trigger(history.pipelineOf('load'), {
    kind: 'schedule',
    by: '0 4 * * * (UTC)',
    slow: Number(option('slow', 30)),
  });
