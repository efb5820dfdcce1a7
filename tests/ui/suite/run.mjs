// A run: started, watched, failed, retried, compared, cancelled.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import {
  api,
  askForRun,
  edit,
  heading,
  isMock,
  newContext,
  noFaults,
  noProject,
  open,
  page,
  post,
  retry,
  runIdOf,
  stateIs,
  trigger,
} from './harness.mjs';

describe('a run', () => {
  before(() => newContext());
  test('is started by a form of its parameters, watched, and read', async () => {
    await trigger('3000');
    await stateIs('succeeded');
    await page
      .getByRole('table', { name: /^Steps of run/ })
      .getByRole('link', { name: /stage/ })
      .click();
    await page.waitForURL(/\/tasks\/stage/);
    const log = page.getByRole('table', { name: 'Log of stage' });
    await log
      .getByText(isMock ? /[\d,]+ rows/ : /^copied 3000 rows from files\/.+ to warehouse\.raw_sales$/)
      .first()
      .waitFor();
    noFaults();
  });
  test('has a log that is searched, filtered and downloaded', async () => {
    const { items } = await api('/runs?pipeline=sales&state=succeeded&limit=1');
    await open(`/runs/${items[0].id}/tasks/stage`);
    await page.getByRole('table', { name: 'Log of stage' }).waitFor();
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('no line has these words');
    await page.getByText('No line fits').waitFor();
    assert.match(page.url(), /search=no\+line/);
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('');
    await page.getByRole('table', { name: 'Log of stage' }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download the log' }).click(),
    ]);
    assert.ok(readFileSync(await download.path(), 'utf8').length > 20);
  });
  test('whose parameters make no sense is refused where they are typed', async () => {
    const dialog = await askForRun('many');
    const alert = dialog.getByRole('alert');
    await alert.getByText(/rows takes a whole number.+many/).waitFor();
    await alert.getByText('pipelines/sales.yml:').waitFor();
    // What was typed is still there, and can be mended.
    assert.equal(await dialog.locator('input[name=rows]').inputValue(), 'many');
    await dialog.locator('input[name=rows]').fill('1000');
    await dialog.getByRole('button', { name: 'Run', exact: true }).click();
    await page.waitForURL(/\/runs\/.+/);
  });
  test('that fails says why, and what to do', async () => {
    await trigger('-5');
    await stateIs('failed');
    const alert = page.getByRole('alert').first();
    await alert.waitFor();
    assert.match(await alert.innerText(), /rows/);
    assert.match(await alert.innerText(), /What to do/);
    // What never started says why.
    await open(`/runs/${runIdOf()}/tasks/stage`);
    await page
      .locator('p')
      .filter({ hasText: /^Why it did not run.*generate (failed|did not succeed)/ })
      .waitFor();
  });
  test('that failed is retried', async () => {
    const run = runIdOf();
    await open(`/runs/${run}`);
    await heading(run);
    await retry(/As they were/);
    // The same run goes on, and fails once more.
    await page.locator('dl div').filter({ hasText: 'Failed attempts' }).getByText('2', { exact: true }).waitFor();
    await stateIs('failed');
    assert.equal(runIdOf(), run);
  });
  test(
    'broken by an edit is mended by another, and goes on',
    { skip: !process.env.WEIR_BINARY && noProject },
    async () => {
      const version = async () => (await api('/pipelines/sales')).code_version;
      const edited = async (change) => {
        const before = await version();
        const undo = change();
        // The server takes an edit in when the system tells it of one; it has no way to tell us.
        while ((await version()) === before) await page.evaluate(() => new Promise(requestAnimationFrame));
        return undo;
      };
      const undo = await edited(() => edit('models/sales_aggregates.sql', 'count(*)', 'count(no_such_column)'));
      await trigger('2000');
      await stateIs('failed');
      const alert = page.getByRole('alert').first();
      await alert.getByText(/aggregate\/sales_aggregates failed/).waitFor();
      await alert
        .getByText(/no_such_column/)
        .first()
        .waitFor();
      await edited(undo);
      await retry(/As they are now/);
      await stateIs('succeeded');
      const { attempts_failed } = await api(`/runs/${runIdOf()}`);
      assert.equal(attempts_failed, 1);
    },
  );
  test('is compared with the one before', async () => {
    const { items } = await api('/runs?pipeline=sales&state=succeeded&limit=1');
    await open(`/runs/${items[0].id}?tab=compare`);
    await heading(items[0].id);
    await page.getByText(/Against|There is no run before/).waitFor();
  });
  test('is cancelled', async () => {
    const made = await post('/pipelines/sales/runs', { params: { rows: 20_000_000 } });
    await open(`/runs/${made.id}`);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await stateIs('cancelled');
  });
});
