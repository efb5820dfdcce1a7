import { expect, it } from 'vitest';
import { fit, rankMatches } from '../components/find';
import { lineOf, matchPath } from './match';
import { paths, tablePath } from './paths';

const routes = [
  ['/', 'home'],
  ['/pipelines/:pipeline/:tab', 'pipeline'],
  ['/runs/:run/tasks/:task', 'task'],
] as const;

it('finds the page of a path', () => {
  expect(matchPath(routes, '/')).toEqual({ name: 'home', params: {} });
  expect(matchPath(routes, '/pipelines/sales/grid/')).toEqual({
    name: 'pipeline',
    params: { pipeline: 'sales', tab: 'grid' },
  });
  expect(matchPath(routes, '/pipelines/sales')).toBeNull();
});

it('keeps a slash in a name', () => {
  const path = paths.task('r', 'clean/typed_sales');
  expect(path).toBe('/runs/r/tasks/clean%2Ftyped_sales');
  expect(matchPath(routes, path)?.params.task).toBe('clean/typed_sales');
});

it('leaves a percent sign that is no escape', () =>
  expect(matchPath(routes, '/runs/100%/tasks/a')?.params.run).toBe('100%'));

it('knows a line of a log from another place of a page', () => {
  expect(lineOf('#L123')).toBe(123);
  expect(['', '#content', '#L0', '#L1x'].map(lineOf)).toEqual([null, null, null, null]);
});

it('knows a table from a file', () => {
  expect(tablePath('warehouse.spacex.launches')).toBe('/tables/warehouse/spacex.launches');
  expect(tablePath('files/x.csv')).toBeNull();
  expect(tablePath('nodot')).toBeNull();
});

it('ranks what begins so before what only contains it', () => {
  const items = ['warehouse.raw_sales', 'sales', 'create_data_marts', 'clean_sales'].map((text) => ({
    kind: 'Table',
    text,
    href: '/' + text,
  }));
  expect(rankMatches(items, 'sales').map(({ text }) => text)).toEqual(['sales', 'clean_sales', 'warehouse.raw_sales']);
  expect(rankMatches(items, 'cdm').map(({ text }) => text)).toEqual(['create_data_marts']);
  expect(fit('abc', 'x')).toBe(0);
});

it('goes to a run by its id', () => {
  expect(rankMatches([], '20261126-004722-ss8y')[0]).toEqual({
    kind: 'Run',
    text: '20261126-004722-ss8y',
    href: '/runs/20261126-004722-ss8y',
  });
});
