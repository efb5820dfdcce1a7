// Connections and the SQL console.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { api, isMock, newContext, open, page } from './harness.mjs';

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
