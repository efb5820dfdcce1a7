// A project that has served for long: 100,000 runs, whose pages show what the newest of them are, and lead to the oldest.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { api, heading, newContext, noFaults, open, otherProject, page, settled } from './harness.mjs';

const many = readFileSync(new URL('../../../src/ledger/many_runs.hpp', import.meta.url), 'utf8');
const sql = /R"sql\(([^]*)\)sql"/.exec(many)[1];
const runs = 100_000;
const everyS = 100; // between two runs
// Runs r1 to r100000; the last one was a minute ago.
const fill = `
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1])
ledger.executescript(sys.argv[2])
ledger.executescript("""
UPDATE runs SET created_at_us = (unixepoch() - 60 - (${runs} - sequence) * ${everyS}) * 1000000;
UPDATE runs SET started_at_us = created_at_us, finished_at_us = created_at_us + 500000;
""")
`;

describe('many runs', { skip: !process.env.WEIR_BINARY && 'needs a project of its own' }, () => {
  let end;
  before(async () => {
    const files = {};
    for (let i = 0; i < 50; ++i) {
      files[`pipelines/p${i}.yml`] =
        'tasks:\n  load: {command: "true"}\n  clean: {needs: [load], command: "true"}\n' +
        '  publish: {needs: [clean], command: "true"}\n';
    }
    end = await otherProject(files, (project) =>
      execFileSync('/usr/bin/python3', ['-c', fill, join(project, '.weir/ledger.sqlite3'), sql], { stdio: 'inherit' }),
    );
    await newContext();
  });
  after(() => end?.());

  const rows = () => page.locator('main tbody td.wide .mono');
  const shown = () => rows().allTextContents();
  const idsOf = (numbers) => numbers.map((number) => `r${number}`);
  // The newest runs of the pipeline p7, newest first.
  const ofP7 = (count) => idsOf(Array.from({ length: count }, (_, index) => runs - 43 - 50 * index));

  test('are counted at home', async () => {
    await open('/');
    await settled();
    const { totals } = await api('/overview');
    // A day has room for 864; some minutes have passed since they were made.
    assert.ok(totals.runs_24h > 850 && totals.runs_24h <= 864, JSON.stringify(totals));
    // One of them is the one in a thousand that failed.
    assert.equal(totals.failed_24h, 1);
    const failed = page.getByRole('region', { name: /^Failed/ }).getByRole('link', { name: /^failed.*p0/ });
    assert.equal(await failed.getAttribute('href'), `/runs/r${runs}`);
    noFaults();
  });
  test('are behind the bars of each pipeline', async () => {
    await open('/pipelines');
    await settled();
    assert.equal(await page.locator('main li .name').count(), 50);
    const bars = page.getByRole('list', { name: /^Last runs of p7/ }).getByRole('link');
    assert.deepEqual(
      await bars.evaluateAll((links) => links.map((each) => each.getAttribute('href'))),
      ofP7(25)
        .reverse()
        .map((id) => `/runs/${id}`),
    );
    noFaults();
  });
  test('are listed from the newest on, to the oldest', async () => {
    await open('/runs');
    await rows().first().waitFor();
    const newest = idsOf(Array.from({ length: 60 }, (_, index) => runs - index));
    assert.deepEqual((await shown()).slice(0, 60), newest);
    // The last page follows from the first by cursors alone.
    let [cursor, next] = ['', runs];
    for (let pages = 0; cursor !== null; ++pages) {
      assert.ok(pages < runs / 200);
      const { items, next_cursor } = await api(`/runs?limit=200&cursor=${cursor}`);
      for (const { id } of items) assert.equal(id, `r${next--}`);
      cursor = next_cursor;
    }
    assert.equal(next, 0);
    // On the page the same, of a hundred runs.
    await open('/runs?state=failed');
    const older = page.getByRole('button', { name: 'Older runs' });
    await rows().first().waitFor();
    assert.equal(await rows().first().textContent(), `r${runs}`);
    await older.scrollIntoViewIfNeeded();
    await page.locator('main tbody').getByText('r1000', { exact: true }).waitFor();
    await older.waitFor({ state: 'detached' });
    assert.deepEqual(await shown(), idsOf(Array.from({ length: 100 }, (_, index) => runs - 1000 * index)));
    noFaults();
  });
  test('are the columns of a grid', async () => {
    await open('/pipelines/p7/grid?runs=100');
    const grid = page.getByRole('table', { name: /^Runs and tasks/ });
    await grid.waitFor();
    assert.deepEqual(
      await grid
        .getByRole('columnheader')
        .getByRole('link')
        .evaluateAll((all) => all.map((each) => each.pathname)),
      ofP7(100)
        .reverse()
        .map((id) => `/runs/${id}`),
    );
    assert.deepEqual(await grid.getByRole('rowheader').allInnerTexts(), ['load', 'clean', 'publish']);
    assert.equal(await grid.getByRole('cell').getByRole('link').count(), 300);
    noFaults();
  });
  test('are the days of a calendar, which lead to them', async () => {
    const day = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10);
    const next = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
    const { days } = await api(`/pipelines/p7/calendar?from=${day}T00:00:00Z&to=${next}T00:00:00Z`);
    // One in 5000 seconds.
    assert.ok([17, 18].includes(days[0].succeeded), JSON.stringify(days));
    await open(`/pipelines/p7/calendar?day=${day}`);
    await page.getByRole('button', { name: `${day} · ${days[0].succeeded} succeeded`, pressed: true }).waitFor();
    await page.getByRole('link', { name: 'Runs of that day' }).click();
    await heading('Runs');
    await rows().first().waitFor();
    const listed = await shown();
    assert.equal(listed.length, days[0].succeeded);
    const { items } = await api(
      `/runs?pipeline=p7&since=${day}T00:00:00Z&until=${next}T00:00:00Z&by=planned&limit=200`,
    );
    assert.deepEqual(
      listed,
      items.map(({ id }) => id),
    );
    noFaults();
  });
});
