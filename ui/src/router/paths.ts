// The address of each thing. Pages link through these, so that a name with a slash or a space stays one segment.
import { queryText } from '../api/client';

const at = encodeURIComponent;

export const paths = {
  home: () => '/',
  pipelines: () => '/pipelines',
  pipeline: (name: string, tab = 'graph') => `/pipelines/${at(name)}/${tab}`,
  runs: (query: Record<string, string> = {}) => '/runs' + queryText(query),
  run: (id: string) => `/runs/${at(id)}`,
  backfill: (pipeline: string, id: string) => `/pipelines/${at(pipeline)}/backfills${queryText({ backfill: id })}`,
  task: (run: string, task: string, tab = '') => `/runs/${at(run)}/tasks/${at(task)}${queryText({ tab })}`,
  tables: () => '/tables',
  table: (connection: string, table: string, tab = '') => `/tables/${at(connection)}/${at(table)}${queryText({ tab })}`,
  sql: (query: { connection?: string; sql?: string } = {}) => '/sql' + queryText(query),
  connections: () => '/connections',
  settings: (tab = 'users') => `/settings/${tab}`,
  signIn: (next = '') => '/sign-in' + queryText({ next }),
};

// `warehouse.spacex.launches` as lineage and tasks write it: a connection and the rest.
export function tablePath(full: string): string | null {
  const dot = full.indexOf('.');
  return dot > 0 && !full.includes('/') ? paths.table(full.slice(0, dot), full.slice(dot + 1)) : null;
}
