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
  test('has a timeline whose bars are in sight, however long the names of its steps are', async () => {
    const { items } = await api('/runs?pipeline=sales&state=succeeded&limit=1');
    await open(`/runs/${items[0].id}`);
    const timeline = page.getByRole('table', { name: /^Steps of run/ });
    await timeline.locator('b').first().waitFor();
    const frame = await timeline.boundingBox();
    const ends = await timeline.locator('b').evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().right));
    assert.ok(ends.length > 5);
    assert.ok(Math.max(...ends) <= frame.x + frame.width, `${Math.max(...ends)} in ${frame.x} + ${frame.width}`);
  });
  test('has a timeline whose labels do not touch, also on a telephone', async () => {
    const wide = page.viewportSize();
    await page.setViewportSize({ width: 360, height: 740 });
    const runs = (await api('/runs?state=succeeded&limit=100')).items;
    const ofPipelines = new Map(runs.map((run) => [run.pipeline, run.id]));
    assert.ok(ofPipelines.size > 0);
    for (const [pipeline, id] of ofPipelines) {
      await open(`/runs/${id}`);
      const timeline = page.getByRole('table', { name: /^Steps of run/ });
      await timeline.locator('.tick').first().waitFor();
      const labels = await timeline.locator('.tick').evaluateAll((all) =>
        all.map((label) => {
          const { left, right } = label.getBoundingClientRect();
          return { left, right };
        }),
      );
      for (const [i, label] of labels.entries())
        assert.ok(i === 0 || label.left >= labels[i - 1].right, `${pipeline}: ${JSON.stringify(labels)}`);
    }
    await page.setViewportSize(wide);
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
  test('has a log whose lines have addresses', async () => {
    const { items } = await api('/runs?pipeline=sales&state=succeeded&limit=1');
    await open(`/runs/${items[0].id}/tasks/stage`);
    const log = page.getByRole('table', { name: 'Log of stage' });
    await log.getByRole('link', { name: /^Line 1,/ }).click();
    assert.match(page.url(), /\?attempt=1#L1$/);
    const chosen = log.locator('[aria-current=true]');
    const text = await chosen.innerText();
    await page.reload();
    await chosen.waitFor();
    assert.equal(await chosen.innerText(), text);
    if (!isMock) return;
    // A line out of sight is brought into sight.
    const count = Number(await log.getAttribute('aria-rowcount'));
    await open(`/runs/${items[0].id}/tasks/stage#L${count}`);
    await page.reload();
    await chosen.getByRole('link', { name: new RegExp(`^Line ${count},`) }).waitFor();
    const [frame, line] = [await log.boundingBox(), await chosen.boundingBox()];
    assert.ok(line.y >= frame.y && line.y + line.height <= frame.y + frame.height + 1, `${line.y} in ${frame.y}`);
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
  test('has a log whose level is chosen', async () => {
    const { items } = await api('/runs?pipeline=sales&state=failed&limit=1');
    const { steps } = await api(`/runs/${items[0].id}`);
    const task = steps.find(({ state }) => state === 'failed').name;
    const levels = () =>
      page
        .getByRole('table', { name: `Log of ${task}` })
        .locator('.line')
        .evaluateAll((all) => [...new Set(all.map((each) => each.classList[1]))]);
    await open(`/runs/${items[0].id}/tasks/${encodeURIComponent(task)}`);
    await page.getByRole('table', { name: `Log of ${task}` }).waitFor();
    if (isMock) assert.ok((await levels()).includes('info'));
    await page.getByRole('combobox', { name: 'Level' }).selectOption('error');
    await page.getByText(/lines? that fits?$/).waitFor();
    assert.deepEqual(await levels(), ['error']);
    assert.match(page.url(), /level=error/);
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
  test('that succeeded is done again from a task on', async () => {
    await trigger('2000');
    await stateIs('succeeded');
    const run = runIdOf();
    // As a whole there is nothing to retry.
    assert.equal(await page.getByRole('button', { name: 'Retry', exact: true }).count(), 0);
    await open(`/runs/${run}/tasks/reconcile`);
    await page.getByRole('button', { name: 'Retry from here' }).click();
    const dialog = page.getByRole('dialog', { name: 'Retry from reconcile' });
    await dialog.getByRole('button', { name: 'Retry', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByTitle('2 attempts', { exact: true }).waitFor();
    await stateIs('succeeded');
    const attempts = Object.fromEntries(
      (await api(`/runs/${run}`)).steps.map((step) => [step.name, step.attempts.map(({ state }) => state)]),
    );
    assert.deepEqual(attempts.reconcile, ['succeeded', 'succeeded']);
    assert.deepEqual(attempts.publish, ['succeeded']);
  });
  test('is compared with the one before', async () => {
    await trigger('2000');
    await stateIs('succeeded');
    const before = runIdOf();
    await trigger('4000');
    await stateIs('succeeded');
    const run = runIdOf();
    await open(`/runs/${run}?tab=compare`);
    await heading(run);
    await page.getByText(`Against ${before}, the run before`).waitFor();
    const cells = await page
      .getByRole('region', { name: 'Findings' })
      .getByRole('row')
      .filter({ has: page.getByRole('link', { name: 'stage', exact: true }) })
      .getByRole('cell')
      .allInnerTexts();
    // The mock's tasks write as many rows whatever is asked for.
    assert.deepEqual(cells.slice(4), isMock ? ['1M', '1M', '±0 %'] : ['4,000', '2,000', '+100 %']);
    assert.ok(
      [cells[1], cells[2]].every((took) => /^[\d.,]+ (ms|s|min)$/.test(took)),
      cells.join(' | '),
    );
  });
  test('shows rows, bytes and memory of an attempt', async () => {
    const [{ id }] = (await api('/runs?pipeline=sales&state=succeeded&limit=1')).items;
    const step = (await api(`/runs/${id}`)).steps.find(({ name }) => name === 'stage');
    assert.ok(step.attempts[0].bytes_read > 0 && step.attempts[0].memory_bytes_max > 0);
    await open(`/runs/${id}/tasks/stage?tab=attempts`);
    const fact = (name) => page.getByRole('article').locator('dl div').filter({ hasText: name }).locator('dd');
    assert.equal(await fact('Rows read').getAttribute('title'), step.attempts[0].rows_read.toLocaleString('en-US'));
    assert.equal(
      await fact('Rows written').getAttribute('title'),
      step.attempts[0].rows_written.toLocaleString('en-US'),
    );
    for (const name of ['Bytes read', 'Memory, at most'])
      assert.match(await fact(name).innerText(), /^[\d.]+ [kMG]B$/, name);
  });
  test('has checks whose failing rows are opened, by a press and by their address', async () => {
    const [{ id }] = (await api('/runs?pipeline=sales&state=succeeded&limit=1')).items;
    const check = (await api(`/runs/${id}`)).checks.find(
      ({ severity, rows_failed }) => severity === 'quarantine' && rows_failed > 0,
    );
    await open(`/runs/${id}?tab=checks`);
    await page.getByRole('button', { name: new RegExp(check.check) }).click();
    const rows = page.getByRole('table', { name: `Rows that failed ${check.check}` });
    await rows.waitFor();
    const { columns } = await api(`/runs/${id}/checks/${check.task}/${check.check}/rows`);
    const heads = await rows.getByRole('columnheader').locator('b').allInnerTexts();
    assert.deepEqual(
      heads,
      columns.map(({ name }) => name),
    );
    assert.ok((await rows.getByRole('row').count()) > 1);
    assert.equal(new URL(page.url()).searchParams.get('check'), `${check.task}.${check.check}`);
    await page.reload();
    await rows.waitFor();
    await page.getByRole('button', { name: new RegExp(check.check) }).click();
    await rows.waitFor({ state: 'detached' });
  });
  test('lists the events that it consumed', async () => {
    const pipeline = isMock ? 'create_data_marts' : 'digest';
    const [{ id }] = (await api(`/runs?pipeline=${pipeline}&state=succeeded&limit=1`)).items;
    const [event] = (await api(`/runs/${id}`)).events_consumed;
    await open(`/runs/${id}?tab=events`);
    const findings = page.getByRole('region', { name: 'Findings' });
    await findings.getByText(/ succeeded/).waitFor();
    assert.equal(await findings.getByRole('link', { name: event.run }).getAttribute('href'), `/runs/${event.run}`);
    assert.equal(
      await findings.getByRole('link', { name: event.pipeline, exact: true }).getAttribute('href'),
      `/pipelines/${event.pipeline}/graph`,
    );
  });
  test(
    'has a log that is followed while it is written',
    { skip: !isMock && 'needs a task that talks while it runs' },
    async () => {
      // Seven minutes of the mock's time: it talks until it is cancelled, however slow the browser is.
      const { id } = await post('/pipelines/sales/runs', { params: { rows: 2_000_000_000 } });
      await open(`/runs/${id}/tasks/generate`);
      const panel = page.getByRole('region', { name: /^Task / });
      await panel.getByText('live', { exact: true }).waitFor();
      const lines = async () => Number(/^([\d,]+) lines so far/.exec(await foot.innerText())[1].replace(',', ''));
      const foot = panel.getByText(/lines so far$/);
      const first = await lines();
      while ((await lines()) < first + 3) await page.evaluate(() => new Promise(requestAnimationFrame));
      // The newest is in sight.
      const newest = panel.getByRole('table').getByRole('row').last();
      assert.ok(await newest.isVisible());
      await post(`/runs/${id}/cancel`, { now: true });
      await stateIs('cancelled');
      await panel.getByText('live', { exact: true }).waitFor({ state: 'detached' });
    },
  );
  test('is cancelled', async () => {
    const made = await post('/pipelines/sales/runs', { params: { rows: 20_000_000 } });
    await open(`/runs/${made.id}`);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await stateIs('cancelled');
  });
});
