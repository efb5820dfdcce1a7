// Times: the viewer's zone as text, the pipeline's on hover. The viewer is in Berlin, the pipeline in Moscow, the server elsewhere.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { api, heading, newContext, open, page, post, showsZone, stateIs } from './harness.mjs';

describe('times show the zone of their pipeline', () => {
  const zone = 'Europe/Moscow';
  let run;
  before(async () => {
    await newContext();
    assert.notEqual((await api('/session')).timezone, zone);
    const made = await post('/pipelines/sales/runs', {
      params: { rows: 1000 },
      interval: { from: '2026-01-05T21:00:00Z', to: '2026-01-06T21:00:00Z' },
    });
    run = made.id;
    await open(`/runs/${run}`);
    await stateIs('succeeded');
  });
  const rowOf = (name) => page.getByRole('row', { name });
  test('of a run', async () => {
    const facts = page.locator('dl div');
    await showsZone(facts.filter({ hasText: /^Started\b(?! by)/ }).locator('time'), zone);
    for (const index of [0, 1]) await showsZone(facts.filter({ hasText: 'Interval' }).locator('time').nth(index), zone);
    // As text it is the viewer's: midnight in Moscow is 22:00 in Berlin.
    assert.match(await facts.filter({ hasText: 'Interval' }).innerText(), /5 Jan, 22:00/);
  });
  test('of an attempt, and of a line of its log', async () => {
    await open(`/runs/${run}/tasks/stage?tab=attempts`);
    await showsZone(page.getByRole('article').locator('time'), zone);
    await open(`/runs/${run}/tasks/stage`);
    await showsZone(page.getByRole('table', { name: 'Log of stage' }).getByRole('link').first(), zone);
  });
  test('in the list of runs', async () => {
    await open('/runs?pipeline=sales');
    await showsZone(rowOf(new RegExp(run)).locator('time'), zone);
  });
  test('of tables', async () => {
    await open('/tables?search=raw_sales');
    await showsZone(rowOf(/raw_sales/).locator('time'), zone);
    await open('/tables/warehouse/raw_sales');
    await showsZone(page.locator('dl div').filter({ hasText: 'Last written' }).locator('time'), zone);
  });
  test('on Home', async () => {
    await open('/');
    await heading('Home');
    await showsZone(
      page.getByRole('region', { name: 'Next' }).getByRole('link', { name: /sales/ }).locator('time'),
      zone,
    );
    // The stalest tables stand there; whose they are depends on what has run.
    const { tables } = await api('/overview');
    const stalest = tables
      .filter((table) => table.written_by && table.written_at)
      .sort((one, other) => one.written_at.localeCompare(other.written_at))[0];
    const { schedules } = await api(`/pipelines/${stalest.written_by.pipeline}`);
    const stale = page
      .getByRole('region', { name: /^Freshness/ })
      .getByRole('row')
      .locator('time')
      .first();
    await stale.hover();
    await stale.and(page.locator(`[title*="· ${schedules[0]?.timezone ?? 'UTC'}"]`)).waitFor();
  });
});
