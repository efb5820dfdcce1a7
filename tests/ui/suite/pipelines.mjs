// The list of pipelines, and the views of one.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { api, heading, isMock, newContext, open, page, post } from './harness.mjs';

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
      // Near, an edge says how many rows went along it.
      const rows = graph.locator('.svelte-flow__edges text');
      await rows.first().waitFor();
      assert.match(await rows.first().textContent(), /^[\d,.]+k?$/);
      // Only what is in sight is there.
      assert.ok((await rows.count()) < 1000);
      await open('/pipelines/thousand/grid');
      const grid = page.getByRole('table', { name: /^Runs and tasks/ });
      await grid.waitFor();
      // Of the thousand only those in sight are there.
      assert.ok((await grid.getByRole('rowheader').count()) < 100);
      assert.equal(await grid.getAttribute('aria-rowcount'), '1000');
    },
  );
});

describe('the list of pipelines', () => {
  before(() => newContext());
  const names = () => page.locator('main li .name').allInnerTexts();
  test('has the last 25 runs of each as bars that lead to them', async () => {
    await open('/pipelines');
    const bars = page.getByRole('list', { name: /^Last runs of sales/ });
    await bars.waitFor();
    const { last_runs } = await api('/pipelines/sales');
    assert.equal(await bars.locator('li').count(), 25);
    assert.deepEqual(
      await bars.getByRole('link').evaluateAll((links) => links.map((each) => each.getAttribute('href'))),
      last_runs.map(({ id }) => `/runs/${id}`),
    );
    assert.deepEqual(
      await bars.getByRole('link').evaluateAll((links) => links.map((each) => each.firstElementChild.classList[1])),
      last_runs.map(({ state }) => state),
    );
  });
  test('is filtered by tag and by state', { skip: !isMock && 'needs the tags of the mock' }, async () => {
    await open('/pipelines');
    await page.getByRole('combobox', { name: 'Tag' }).selectOption('finance');
    assert.deepEqual(await names(), ['sales', 'returns']);
    assert.match(page.url(), /tag=finance/);
    await page.getByRole('combobox', { name: 'Tag' }).selectOption('');
    await page.getByRole('combobox', { name: 'Last run' }).selectOption('paused');
    assert.deepEqual(await names(), ['marts_by_dbt']);
    await page.getByRole('button', { name: 'Resume marts_by_dbt' }).waitFor();
    await open('/pipelines?state=succeeded');
    await page.locator('main li').first().waitFor();
    const { items } = await api('/pipelines?state=succeeded');
    assert.deepEqual(
      await names(),
      items.map(({ name }) => name),
    );
  });
});

describe('a pipeline', () => {
  let pipeline, run;
  before(async () => {
    await newContext();
    pipeline = await api('/pipelines/sales');
    run = (await api('/runs?pipeline=sales&state=succeeded&limit=1')).items[0];
  });
  test('has a grid of its runs and tasks', async () => {
    await open('/pipelines/sales/grid');
    const grid = page.getByRole('table', { name: /^Runs and tasks/ });
    await grid.waitFor();
    const { runs, tasks, cells } = await api('/pipelines/sales/grid?runs=25');
    assert.deepEqual(await grid.getByRole('rowheader').allInnerTexts(), tasks);
    assert.equal(await grid.getByRole('columnheader').getByRole('link').count(), runs.length);
    const row = grid.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'stage', exact: true }) });
    const byAge = [...runs].sort((a, b) => a.created_at.localeCompare(b.created_at));
    assert.deepEqual(
      await row.locator('i').evaluateAll((all) => all.map((each) => each.classList[1])),
      byAge.map(({ id }) => cells[id].stage?.state).filter(Boolean),
    );
    await row.locator(`a[href="/runs/${run.id}/tasks/stage"]`).click();
    await heading(run.id);
    // The words that narrow it are in its address.
    await open('/pipelines/sales/grid?search=clean');
    await grid.getByRole('rowheader').first().waitFor();
    const fit = tasks.filter((each) => each.includes('clean'));
    assert.deepEqual(await grid.getByRole('rowheader').allInnerTexts(), fit);
    assert.equal(await page.getByRole('searchbox', { name: 'Search tasks' }).inputValue(), 'clean');
    await page.getByRole('searchbox', { name: 'Search tasks' }).fill('stage');
    await page.waitForURL(/search=stage/);
  });
  test('has a Gantt chart of the run that is chosen', async () => {
    await open(`/pipelines/sales/gantt?run=${run.id}`);
    const chart = page.getByRole('table', { name: `Steps of run ${run.id}` });
    await chart.waitFor();
    const { steps } = await api(`/runs/${run.id}`);
    assert.deepEqual(
      await chart.locator('.what a').allInnerTexts(),
      steps.map(({ name }) => name),
    );
    const lefts = await chart
      .locator('.bars b')
      .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().left));
    assert.equal(lefts.length, steps.flatMap(({ attempts }) => attempts).length);
    // What comes first stands left of what needs it.
    assert.ok(lefts[0] < lefts.at(-1));
    const other = pipeline.last_runs.find(({ id }) => id !== run.id);
    await page.getByRole('combobox', { name: 'Which run to show' }).selectOption(other.id);
    await page.getByRole('table', { name: `Steps of run ${other.id}` }).waitFor();
    assert.match(page.url(), new RegExp(`run=${other.id}`));
  });
  test('has a calendar, whose days lead to their runs', async () => {
    // A day in Moscow, whose clock the pipeline's schedule has: the one that a run stands for, where it has an interval.
    const ago = (count) => new Date(Date.now() - count * 86_400_000).toISOString();
    const { days } = await api(`/pipelines/sales/calendar?from=${ago(60)}&to=${ago(-1)}`);
    const day = days.findLast(({ succeeded }) => succeeded > 0).date;
    const start = new Date(`${day}T00:00:00+03:00`);
    const end = new Date(start.getTime() + 86_400_000);
    await open('/pipelines/sales/calendar');
    await page.getByRole('button', { name: new RegExp(`^${day} .*succeeded`) }).click();
    assert.match(page.url(), new RegExp(`day=${day}`));
    await page.reload();
    await page.getByRole('button', { name: new RegExp(`^${day} `), pressed: true }).waitFor();
    await page.getByRole('link', { name: 'Runs of that day' }).click();
    await heading('Runs');
    const query = new URL(page.url()).searchParams;
    assert.equal(query.get('since'), start.toISOString());
    assert.equal(query.get('until'), end.toISOString());
    const { items } = await api(
      `/runs?pipeline=sales&since=${query.get('since')}&until=${query.get('until')}&by=planned&limit=60`,
    );
    assert.ok(items.length > 0);
    await page.locator('main tbody tr').first().waitFor();
    const shown = await page
      .locator('main tbody td.wide .mono')
      .evaluateAll((links) => links.map((each) => each.textContent));
    assert.deepEqual(
      shown.slice(0, 60),
      items.map(({ id }) => id),
    );
    // Another period is not bounded by the day's end.
    await page.getByRole('combobox', { name: 'Period' }).selectOption('7d');
    assert.doesNotMatch(page.url(), /until|by/);
  });
  test('shows the runs of a backfill on the days that they are for', async () => {
    // Tuesdays at 12:45 in Moscow; between two of them lies one interval.
    const tuesday = new Date();
    tuesday.setUTCDate(tuesday.getUTCDate() - 28 - ((tuesday.getUTCDay() + 5) % 7));
    const day = tuesday.toISOString().slice(0, 10);
    const at = (date) => `${date.toISOString().slice(0, 10)}T12:00:00Z`;
    const { id } = await post('/pipelines/sales/backfills', {
      from: at(new Date(tuesday.getTime() - 8 * 86_400_000)),
      to: at(tuesday),
      mode: 'all',
      parallel: 1,
    });
    await open(`/pipelines/sales/backfills?backfill=${id}`);
    await page.getByRole('article').first().getByText('done', { exact: true }).waitFor();
    const { intervals } = await api(`/backfills/${id}`);
    assert.equal(intervals.length, 1);
    await open(`/pipelines/sales/calendar?day=${day}`);
    const square = page.getByRole('button', { name: new RegExp(`^${day} `), pressed: true });
    const { days } = await api(`/pipelines/sales/calendar?from=${day}T00:00:00Z&to=${day}T21:00:00Z`);
    const count = days.find(({ date }) => date === day);
    await square.waitFor();
    await page.getByRole('link', { name: 'Runs of that day' }).click();
    await heading('Runs');
    await page.locator('main tbody').getByText(intervals[0].run, { exact: true }).waitFor();
    assert.equal(await page.locator('main tbody tr').count(), count.succeeded + count.failed + count.other);
  });
  test('shows its code, and a line of it', async () => {
    await open('/pipelines/sales/code?line=3');
    const text = page.getByRole('textbox', { name: 'Text of pipelines/sales.yml' });
    await text.getByText('name: sales').waitFor();
    assert.match(await text.innerText(), /schedule: \{cron: "45 12 \* \* TUE"/);
    const { files } = await api('/pipelines/sales');
    const other = files.find(({ path }) => path.endsWith('.sql'));
    if (!other) return;
    await page.getByRole('combobox', { name: 'File' }).selectOption(other.path);
    await page.getByRole('textbox', { name: `Text of ${other.path}` }).waitFor();
    assert.ok(page.url().includes(encodeURIComponent(other.path)));
  });
  test('has backfills that are paused, resumed and cancelled; the preview says what is left out', async () => {
    const range = { from: '2025-09-01', to: '2026-02-01' };
    await open('/pipelines/sales/backfills');
    await page.getByRole('button', { name: 'New backfill' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('From').fill(range.from);
    await dialog.getByLabel('To', { exact: false }).last().fill(range.to);
    await dialog.getByRole('radio', { name: 'Those without a run' }).check();
    await dialog.getByRole('button', { name: 'Preview' }).click();
    const preview = await post('/pipelines/sales/backfills', {
      from: `${range.from}T00:00:00Z`,
      to: `${range.to}T00:00:00Z`,
      mode: 'missing',
      preview: true,
    });
    const chosen = preview.intervals.filter((each) => each.chosen);
    const leftOut = preview.intervals.filter((each) => !each.chosen);
    assert.ok(leftOut.length > 0 && chosen.length > 3);
    const list = dialog.getByRole('list', { name: 'Intervals of the range' });
    await list.waitFor();
    assert.deepEqual(
      await list.locator('li .end').allInnerTexts(),
      preview.intervals.map((each) => (each.chosen ? 'runs' : 'left out')),
    );
    assert.deepEqual(
      await list.getByRole('link').evaluateAll((links) => links.map((each) => [each.textContent, each.pathname])),
      leftOut.map((each) => [each.state, `/runs/${each.run}`]),
    );
    await dialog.getByText(`${leftOut.length} left out`).waitFor();
    await dialog.getByRole('button', { name: `Run ${chosen.length} intervals` }).click();
    const article = page.getByRole('article').first();
    const press = (name) => article.getByRole('button', { name, exact: true }).click();
    const isNow = (state) => article.getByText(state, { exact: true }).waitFor();
    await press('Pause');
    await isNow('paused');
    await press('Resume');
    await isNow('running');
    await press('Cancel');
    await isNow('cancelled');
    assert.equal(await article.getByRole('button').count(), 0);
    const { items } = await api('/pipelines/sales/backfills');
    assert.equal(items[0].state, 'cancelled');
    assert.ok(items[0].intervals.some((each) => each.run === null));
    // It has an address, under which it stands first.
    const oldest = items.at(-1);
    await page.locator(`a[href="/pipelines/sales/backfills?backfill=${oldest.id}"]`).click();
    await page.locator('article[aria-current=true]').waitFor();
    await page.reload();
    await page.locator('article[aria-current=true]').waitFor();
    assert.equal(
      await page.getByRole('article').first().getByRole('link').first().getAttribute('href'),
      `/pipelines/sales/backfills?backfill=${oldest.id}`,
    );
  });
  test('that never ran says so', { skip: !isMock && 'needs the pipeline of the mock' }, async () => {
    for (const tab of ['grid', 'gantt']) {
      await open(`/pipelines/returns/${tab}`);
      await page.getByText('returns never ran').waitFor();
    }
    await open('/pipelines/returns/backfills');
    await page.getByText('No backfill yet').waitFor();
  });
});
