// Connections, the SQL console and the catalogue of tables.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { api, isMock, newContext, open, openWith, page, saved } from './harness.mjs';

describe('connections', () => {
  const secret = 'never-to-be-seen';
  before(() => newContext());
  test('are tested', async () => {
    await open('/connections');
    await page.getByRole('button', { name: 'Test shop' }).click();
    await page
      .getByRole('region', { name: 'shop' })
      .getByText(/^It answers, in/)
      .waitFor();
  });
  test('are made by a form of their connector, and tried before they are written down', async () => {
    await page.getByRole('button', { name: 'New connection' }).click();
    const dialog = page.getByRole('dialog', { name: 'New connection' });
    await dialog.getByLabel('Name', { exact: true }).fill('billing');
    await dialog.locator('input[name=host]').fill('127.0.0.1');
    await dialog.locator('input[name=port]').fill('1');
    await dialog.locator('input[name=password]').fill(secret);
    await dialog.getByRole('button', { name: 'Try it' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/[Rr]efused/)
      .waitFor();
    const line =
      'connections:\n  billing: {type: postgres, host: "127.0.0.1", port: 1, password: "{{ env.BILLING_PASSWORD }}"}';
    assert.equal(await dialog.locator('pre').last().textContent(), line);
    assert.ok(!(await page.content()).includes(secret));
    const { items } = await api('/audit');
    assert.ok(!JSON.stringify(items).includes(secret));
  });
});

describe('SQL', () => {
  before(() => newContext());
  test('is asked, its rows shown and exported', async () => {
    await open(
      '/sql?connection=warehouse&sql=' +
        encodeURIComponent(
          isMock ? 'SELECT * FROM sales_aggregates LIMIT 7' : 'SELECT number AS n FROM system.numbers LIMIT 7',
        ),
    );
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText(/^7 rows/).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    assert.equal(
      readFileSync(await download.path(), 'utf8')
        .trimEnd()
        .split('\r\n').length,
      8,
    );
  });
  test('that is wrong is explained', async () => {
    await open('/sql?connection=warehouse&sql=SELEC+1');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page
      .getByRole('alert')
      .filter({ hasText: /[Ss]yntax/ })
      .waitFor();
  });
  test('that takes long is cancelled', async () => {
    await open(
      '/sql?connection=warehouse&sql=' +
        encodeURIComponent(isMock ? 'SELECT sleep(60)' : 'SELECT count() FROM system.numbers'),
    );
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page
      .getByRole('alert')
      .filter({ hasText: /cancel/i })
      .waitFor();
  });
});

describe('results of SQL', () => {
  before(() => newContext());
  const rows = (text) => `/sql?connection=warehouse&sql=${encodeURIComponent(text)}`;
  const sql = (limit) =>
    isMock ? `SELECT * FROM sales_aggregates LIMIT ${limit}` : `SELECT number AS n FROM system.numbers LIMIT ${limit}`;
  test('are saved as CSV and as JSON, those that are shown', async () => {
    await open(rows(sql(500)));
    await page.getByRole('combobox', { name: 'Rows at most' }).selectOption('100');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText(/^100 rows, and there are more: files hold these only/).waitFor();
    const shown = await page
      .getByRole('table', { name: 'Result' })
      .getByRole('columnheader')
      .locator('b')
      .allInnerTexts();
    const list = JSON.parse(await saved(page.getByRole('button', { name: 'JSON' })));
    assert.equal(list.length, 100);
    assert.deepEqual(Object.keys(list[0]), shown);
    const lines = (await saved(page.getByRole('button', { name: 'CSV' }))).trimEnd().split('\r\n');
    assert.equal(lines.length, 101);
    assert.deepEqual(lines[0].split(','), shown);
    if (!isMock)
      assert.deepEqual(
        list.map(({ n }) => Number(n)),
        Array.from({ length: 100 }, (_, index) => index),
      );
  });
  test('can be asked for again from the history', async () => {
    await open(rows(sql(7)));
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText(/^7 rows/).waitFor();
    await open('/sql');
    await page.getByRole('button', { name: 'History' }).click();
    assert.match(page.url(), /side=history/);
    const { items } = await api('/query/history');
    assert.equal(items[0].sql, sql(7));
    const past = page.getByRole('complementary', { name: 'Tables and history' }).getByRole('listitem');
    await past.first().waitFor();
    assert.deepEqual(
      await past.evaluateAll((all) => all.map((each) => each.querySelector('.sql').textContent)),
      items.map((each) => each.sql),
    );
    assert.match(await past.first().innerText(), /7 rows[\s\S]*warehouse/);
    await page.getByRole('button', { name: 'Tables', exact: true }).click();
    await open('/sql?side=history&sql=SELECT+1');
    await past.first().getByRole('button').click();
    await page.getByRole('textbox', { name: 'SQL' }).getByText(sql(7)).waitFor();
  });
});

describe('a table', () => {
  const openTable = (tab = '') => openWith(`/tables/warehouse/clean_sales${tab}`, '/tables/warehouse/clean_sales');
  before(() => newContext());
  test('has its columns, and the rows that were written over time', async () => {
    const table = await openTable();
    const columns = page.getByRole('region', { name: 'Columns' });
    await columns.getByRole('row').nth(1).waitFor();
    assert.deepEqual(
      await columns
        .locator('tbody tr')
        .evaluateAll((all) => all.map((row) => [...row.cells].slice(0, 2).map((cell) => cell.firstChild.textContent))),
      table.columns.map(({ name, type }) => [name, type]),
    );
    const chart = page
      .getByRole('region', { name: 'Rows written over time' })
      .getByRole('img', { name: /^Rows written to warehouse\.clean_sales/ });
    await chart.locator('canvas').waitFor();
    const label = await chart.getAttribute('aria-label');
    assert.ok(label.includes(`${table.history.length} points`), label);
    const newest = [...table.history].sort((a, b) => a.at.localeCompare(b.at)).at(-1);
    assert.ok(label.includes(`the last is ${newest.rows.toLocaleString('en-US')} rows`), label);
    const written = page.locator('dl div').filter({ hasText: 'Rows written last' }).locator('dd');
    assert.equal(await written.innerText(), table.rows.toLocaleString('en-US'));
  });
  test('has a sample of its rows', async () => {
    await open('/tables/warehouse/clean_sales?tab=sample');
    const sample = page.getByRole('table', { name: 'Sample of warehouse.clean_sales' });
    await sample.waitFor();
    const { columns, rows } = await api('/tables/warehouse/clean_sales/sample?limit=100');
    assert.deepEqual(
      await sample.getByRole('columnheader').locator('b').allInnerTexts(),
      columns.map(({ name }) => name),
    );
    assert.equal(await sample.getAttribute('aria-rowcount'), String(rows.length));
    assert.ok(rows.length > 0);
  });
  test('has a lineage whose tables lead to theirs', async () => {
    const table = await openTable('?tab=lineage');
    const graph = page.getByRole('region', { name: /^What warehouse\.clean_sales is made from/ });
    await graph.getByRole('link').first().waitFor();
    const shown = await graph.getByRole('link').evaluateAll((links) => links.map((each) => each.pathname));
    for (const each of [...table.upstream, ...table.downstream]) {
      const [connection, ...rest] = each.split('.');
      assert.ok(shown.includes(`/tables/${connection}/${rest.join('.')}`), each);
    }
    assert.ok(table.upstream.includes('warehouse.raw_sales') && table.downstream.includes('shop.sales'));
    await graph.locator('a[href^="/tables/shop/sales?"]').click();
    await page.getByRole('region', { name: /^What shop\.sales is made from/ }).waitFor();
  });
  test('has the last runs that wrote it', async () => {
    const table = await openTable('?tab=runs');
    const runs = page.getByRole('region', { name: 'Runs' }).locator('tbody tr');
    await runs.first().waitFor();
    assert.deepEqual(
      await runs.evaluateAll((rows) => rows.map((row) => row.querySelector('.mono').textContent)),
      table.runs.map(({ id }) => id),
    );
  });
});
