// The shapes of the REST API under /api/v1, by hand. Keys are the API's own, in snake_case; instants are RFC 3339 in UTC;
// `_s` are seconds, `_bytes` bytes. src/web's OpenAPI document is the truth; tests/ui reads both.

export type State = 'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled' | 'skipped' | 'lost';
export type Role = 'viewer' | 'operator' | 'admin';
export type Instant = string;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Session {
  user: { name: string; role: Role } | null;
  open: boolean; // loopback and no users yet: nobody has to sign in
  version: string;
  project: { name: string; folder: string; environment: string; environments?: string[] };
  timezone: string;
}

export type TriggerKind = 'manual' | 'schedule' | 'backfill' | 'dataset' | 'retry' | 'api';
export interface Trigger {
  kind: TriggerKind;
  by: string;
  events?: DatasetEvent[];
}
export interface DatasetEvent {
  id?: string | number;
  connection?: string;
  table?: string;
  pipeline?: string;
  run?: string;
  task?: string;
  at?: Instant;
  rows?: number;
}
export interface Interval {
  from: Instant;
  to: Instant;
}

export interface Run {
  id: string;
  pipeline: string;
  environment: string;
  trigger: Trigger;
  params: { [name: string]: Json } | null;
  selection: Json;
  state: State;
  created_at: Instant;
  started_at: Instant | null;
  finished_at: Instant | null;
  duration_s: number | null;
  queue_s: number | null;
  interval: Interval | null;
  error: string | null;
  code_version: string | null;
  rows_written: number;
  attempts_failed: number;
}

export interface TaskError {
  fault: string;
  code: string;
  message: string;
  hint: string | null;
  place: string | null;
  context: (string | { [key: string]: Json })[] | null;
}
export interface Attempt {
  run: string;
  task: string;
  number: number; // 0: never started, `reason` of the step says why
  state: State;
  started_at: Instant | null;
  finished_at: Instant | null;
  duration_s: number | null;
  rows_read: number;
  rows_written: number;
  bytes_read: number;
  memory_bytes_max: number;
  error: TaskError | null;
  output: Json;
}
export interface Check {
  run: string;
  task: string;
  check: string;
  severity: string;
  passed: boolean;
  rows_checked: number;
  rows_failed: number;
  detail: string | null;
}

export interface Task {
  name: string;
  kind: string;
  needs: string[];
  summary: string;
  reads: string[];
  writes: string[];
  place?: string | null;
  nodes?: { name: string; needs?: string[]; kind?: string }[];
}
export interface Step extends Omit<Task, 'nodes' | 'place'> {
  task: string;
  state: State;
  attempts: Attempt[];
  reason: string | null;
}
export interface RunDetail extends Run {
  steps: Step[];
  checks: Check[];
  events_consumed: DatasetEvent[];
  previous: string | null;
}

export interface LastRun {
  id: string;
  state: State;
  duration_s: number | null;
  started_at: Instant | null;
}
export interface Schedule {
  cron?: string | null;
  every?: string | number | null;
  timezone: string;
  text: string;
}
export interface PipelineSummary {
  name: string;
  description: string;
  tags: string[];
  paused: boolean;
  schedules: Schedule[];
  next_fire: Instant | null;
  last_runs: LastRun[]; // oldest first, at most 25
  tasks_count: number;
}
export interface Param {
  name: string;
  type: string;
  default: Json;
  description: string | null;
}
export interface Pipeline extends PipelineSummary {
  params: Param[];
  tasks: Task[];
  after: Json[];
  files: { path: string; text: string }[];
}

export interface GridCell {
  state: State;
  attempts: number;
  duration_s: number | null;
  rows_written: number;
}
export interface Grid {
  runs: Run[];
  tasks: string[];
  cells: { [run: string]: { [task: string]: GridCell } };
}
export interface CalendarDay {
  date: string;
  succeeded: number;
  failed: number;
  other: number;
  fires_planned: number;
}
export interface BackfillInterval extends Interval {
  run: string | null;
  state: State | null;
  exists: boolean;
}
export interface Backfill {
  id: string | null; // null: a preview
  pipeline: string;
  from: Instant;
  to: Instant;
  mode: 'missing' | 'failed' | 'all';
  parallel: number;
  state: 'running' | 'paused' | 'done' | 'cancelled' | 'preview';
  intervals: BackfillInterval[];
  created_at: Instant | null;
  by: string | null;
}

export interface Problem {
  place: string | null;
  message: string;
  hint: string | null;
}
export interface TableSummary {
  connection: string;
  table: string;
  rows: number | null;
  written_at: Instant | null;
  written_by: { pipeline: string; task: string; run: string } | null;
  freshness_s: number | null;
}
export interface Overview {
  running: Run[];
  failed: Run[];
  next: { pipeline: string; at: Instant; schedule: string }[];
  tables: TableSummary[];
  totals: { runs_24h: number; failed_24h: number; rows_24h: number };
  problems: Problem[];
}
export interface Column {
  name: string;
  type: string;
  description?: string | null;
}
export interface LineageNode {
  id: string;
  kind: 'table' | 'task' | 'model' | 'pipeline';
  label: string;
}
export interface TableDetail extends TableSummary {
  columns: Column[];
  history: { at: Instant; rows: number }[];
  upstream: string[];
  downstream: string[];
  graph: { nodes: LineageNode[]; edges: { from: string; to: string }[] };
  runs: Run[];
}
export interface Rows {
  columns: Column[];
  rows: Json[][];
}
export interface QueryResult extends Rows {
  id: string;
  elapsed_s: number;
  truncated: boolean;
}
export interface QueryPast {
  id: string;
  connection: string;
  sql: string;
  at: Instant;
  by: string;
  elapsed_s: number | null;
  rows: number | null;
  error: string | null;
}

export interface LogLine {
  line: number;
  at: Instant;
  level: string;
  text: string;
}
export interface LogPage {
  lines: LogLine[];
  next_after: number | null;
  complete: boolean;
}
export interface LogEvent extends LogLine {
  run: string;
  task: string;
  attempt: number;
}
export interface CompareSide {
  state: State;
  attempts?: number;
  duration_s: number | null;
  rows_read?: number;
  rows_written: number;
  memory_bytes_max?: number;
}
export interface Comparison {
  tasks: { task: string; ours: CompareSide | null; theirs: CompareSide | null }[];
}
export interface Connection {
  name: string;
  type: string;
  summary: string;
  managed: boolean;
  fields: { name: string; type: string; value: Json; secret: boolean; set: boolean; doc: string }[];
  roles: string[];
  status: string | null;
}
export interface ConnectionTest {
  ok: boolean;
  elapsed_s: number;
  error?: TaskError | string | null;
}
export interface User {
  name: string;
  role: Role;
  created_at: Instant | null;
  last_seen_at: Instant | null;
}
export interface Token {
  id: string;
  name: string;
  role: Role;
  created_at: Instant | null;
  last_used_at: Instant | null;
  expires_at: Instant | null;
  token?: string; // in the answer to its creation, and never again
}
export interface AuditEntry {
  at: Instant;
  user: string;
  action: string;
  object: string;
  detail: Json;
  address: string;
}
