// Every page, by address. A page is code of its own that is fetched when it is first opened.
import type { Component } from 'svelte';

type Page = () => Promise<{ default: Component }>;

const home: Page = () => import('./pages/Home.svelte');
const pipelines: Page = () => import('./pages/Pipelines.svelte');
const pipeline: Page = () => import('./pages/Pipeline.svelte');
const runs: Page = () => import('./pages/Runs.svelte');
const run: Page = () => import('./pages/Run.svelte');
const tables: Page = () => import('./pages/Tables.svelte');
const table: Page = () => import('./pages/Table.svelte');
const sql: Page = () => import('./pages/Sql.svelte');
const connections: Page = () => import('./pages/Connections.svelte');
const settings: Page = () => import('./pages/Settings.svelte');
const signIn: Page = () => import('./pages/SignIn.svelte');

export const routes = [
  ['/', 'home', home],
  ['/pipelines', 'pipelines', pipelines],
  ['/pipelines/:pipeline', 'pipeline', pipeline],
  ['/pipelines/:pipeline/:tab', 'pipeline', pipeline],
  ['/runs', 'runs', runs],
  ['/runs/:run', 'run', run],
  ['/runs/:run/tasks/:task', 'run', run],
  ['/tables', 'tables', tables],
  ['/tables/:connection/:table', 'table', table],
  ['/sql', 'sql', sql],
  ['/connections', 'connections', connections],
  ['/connections/:connection', 'connections', connections],
  ['/settings', 'settings', settings],
  ['/settings/:tab', 'settings', settings],
  ['/sign-in', 'sign-in', signIn],
] as const satisfies readonly (readonly [string, string, Page])[];

export function pageOf(name: string): Page | undefined {
  return routes.find(([, each]) => each === name)?.[2];
}
