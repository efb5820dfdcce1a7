// The list of pipelines, and the views of one.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { api, isMock, newContext, open, page } from './harness.mjs';

describe('pipelines', () => {
  before(() => newContext());
  test('are searched and filtered, and the address says so', async () => {
    await open('/pipelines');
    await page.getByRole('link', { name: 'sales', exact: true }).waitFor();
    await page.getByRole('searchbox', { name: 'Search pipelines' }).fill('nothing has this name');
    await page.getByText('No pipeline fits').waitFor();
    assert.match(page.url(), /search=nothing/);
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('link', { name: 'sales', exact: true }).waitFor();
  });
  test('are paused and resumed', async () => {
    await open('/pipelines/sales/graph');
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    assert.equal((await api('/pipelines/sales')).paused, true);
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  });
  test('have a graph whose tasks lead to their logs', async () => {
    await open('/pipelines/sales/graph');
    const graph = page.getByRole('region', { name: /^Tasks of sales/ });
    await graph.getByRole('link', { name: /generate/ }).click();
    await page.waitForURL(/\/runs\/.+\/tasks\/generate/);
  });
  test('are backfilled: a preview first', async () => {
    await open('/pipelines/sales/backfills');
    await page.getByRole('button', { name: 'New backfill' }).click();
    const dialog = page.getByRole('dialog');
    // Tuesdays of that January: the 6th, 13th, 20th and 27th; three weeks lie between them.
    await dialog.getByLabel('From').fill('2026-01-01');
    await dialog.getByLabel('To', { exact: false }).last().fill('2026-02-01');
    await dialog.getByRole('radio', { name: /^All/ }).check();
    await dialog.getByRole('button', { name: 'Preview' }).click();
    await dialog.getByText('3 runs', { exact: true }).waitFor();
    await dialog.getByText(/write .*warehouse\.raw_sales/).waitFor();
    await dialog.getByRole('button', { name: 'Run 3 intervals' }).click();
    const article = page.getByRole('article').first();
    await article.getByText('done', { exact: true }).waitFor();
    await article.getByText(/3 of 3 intervals/).waitFor();
    assert.equal(await article.getByRole('link', { name: /succeeded$/ }).count(), 3);
  });
  test(
    'of a thousand tasks are drawn, and near by a press',
    { skip: !isMock && 'needs the pipeline of the mock' },
    async () => {
      await open('/pipelines/thousand/graph');
      const graph = page.getByRole('region', { name: /^Tasks of thousand/ });
      await graph.getByText('Press a place to see it near').waitFor();
      const box = await graph.boundingBox();
      await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      await graph
        .getByRole('link', { name: /layer_/ })
        .first()
        .waitFor();
      await open('/pipelines/thousand/grid');
      const grid = page.getByRole('table', { name: /^Runs and tasks/ });
      await grid.waitFor();
      // Of the thousand only those in sight are there.
      assert.ok((await grid.getByRole('rowheader').count()) < 100);
      assert.equal(await grid.getAttribute('aria-rowcount'), '1000');
    },
  );
});
