// The shapes of the REST API under /api/v1, by hand. Keys are the API's own, in snake_case; instants are RFC 3339 in UTC;
// `_s` are seconds, `_bytes` bytes. The OpenAPI document of `weir serve` (/api/v1/openapi.json) is the truth.

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
  project: { name: string; folder: string; environment: string } | null; // null: a stranger
  timezone: string;
}

export type TriggerKind = 'manual' | 'schedule' | 'backfill' | 'dataset' | 'retry' | 'replay' | 'api' | 'pipeline';
export interface Trigger {
  kind: TriggerKind;
  by: string;
  events?: DatasetEvent[];
}
export interface DatasetEvent {
  source: string; // a table or a pipeline
  pipeline: string;
  run: string;
  task: string;
  at: Instant;
  rows: number;
  interval?: Interval | null;
}
export interface Interval {
  from: Instant;
  to: Instant;
}

export interface Run {
  id: string;
  pipeline: string;
  timezone?: string | null; // of the pipeline's first schedule
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
  place: string | null;
}
// What a run executes: a task, or one node of it (`clean/typed_sales`).
export interface PlannedStep extends Task {
  task: string;
  summary: string;
  reads: string[];
  writes: string[];
}
export interface Step extends PlannedStep {
  state: State;
  attempts: Attempt[];
  reason: string | null;
}
export interface RunDetail extends Run {
  steps: Step[];
  checks: Check[];
  events_consumed: DatasetEvent[];
  events_made?: DatasetEvent[];
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
  problem?: string | null; // why it cannot be planned with its default parameters
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
  steps: PlannedStep[];
  after: string[];
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
}
export interface BackfillPreview {
  intervals: (BackfillInterval & { exists: boolean; chosen: boolean })[];
  overwritten: string[]; // the tables that the pipeline's tasks write
}
export interface Backfill {
  id: string;
  pipeline: string;
  from: Instant;
  to: Instant;
  mode: 'missing' | 'failed' | 'all';
  parallel: number;
  state: 'running' | 'paused' | 'done' | 'cancelled';
  intervals: BackfillInterval[];
  created_at: Instant;
  by: string;
}

export interface Problem {
  place: string | null;
  message: string;
  hint: string | null;
}
export interface TableSummary {
  connection: string;
  table: string;
  rows: number | null; // written by the last task that wrote it
  written_at: Instant | null;
  written_by: { pipeline: string; task: string; run: string | null } | null; // null: no task writes it
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
  nullable?: boolean;
  key?: boolean;
}
export interface LineageNode {
  id: string;
  kind: 'table' | 'file' | 'task' | 'model' | 'pipeline';
  label: string;
  pipeline?: string | null;
}
export interface TableDetail extends TableSummary {
  description?: string;
  kind?: string | null; // null: it is not there
  unavailable?: string | null; // why the connection does not say what the columns are
  columns: Column[];
  history: { at: Instant; rows: number }[]; // rows: written then
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
  connection: string;
  sql: string;
  at: Instant;
  user: string;
  elapsed_s: number | null;
  rows: number | null;
  error: string | null;
}

export interface LogLine {
  line: number; // from 1; 0: the reason of a task that never started
  at: Instant | null; // of a program's line: when it was seen; null: it continues the line before
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
  status: 'stopped' | 'starting' | 'running' | 'failed' | null; // of a managed server
  place?: string;
}
// A key of a connection in weir.yml, as its connector describes it.
export interface Setting {
  name: string;
  type: string;
  doc: string;
  required: boolean;
  secret: boolean;
  default: Json;
  choices: string[];
  fields: Setting[];
}
export interface Connector {
  name: string;
  summary: string;
  roles: string[];
  fields: Setting[];
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
