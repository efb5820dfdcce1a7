// Home: what runs, what failed and why, what comes next, how fresh the tables are.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { api, heading, isMock, newContext, open, page, post, settled, stateIs } from './harness.mjs';

describe('home', () => {
  before(() => newContext());
  const part = (name) => page.getByRole('region', { name });
  test('shows what runs, until it has ended', async () => {
    const { id } = await post('/pipelines/sales/runs', { params: { rows: 20_000_000 } });
    await open('/');
    const entry = part(/^Running/).locator(`a[href="/runs/${id}"]`);
    await entry.waitFor();
    assert.match(await entry.innerText(), /sales/);
    await post(`/runs/${id}/cancel`, { now: true });
    await entry.waitFor({ state: 'detached' });
  });
  test('shows what failed, and why', async () => {
    const { id } = await post('/pipelines/sales/runs', { params: { rows: -5 } });
    await open(`/runs/${id}`);
    await stateIs('failed');
    const { error } = await api(`/runs/${id}`);
    await open('/');
    const entry = part(/^Failed/).locator(`a[href="/runs/${id}"]`);
    await entry.waitFor();
    const text = await entry.innerText();
    assert.match(text, /sales/);
    assert.ok(text.includes('generate') && text.includes(error.replace(/^generate: /, '')), `${text} has: ${error}`);
  });
  test('shows what comes next, the soonest first', async () => {
    await open('/');
    const next = part('Next');
    const entry = next.getByRole('link', { name: /sales/ });
    await entry.waitFor();
    assert.match(await entry.innerText(), /45 12 \* \* TUE/);
    assert.equal(await entry.getAttribute('href'), '/pipelines/sales/calendar');
    const times = await next.locator('time').evaluateAll((all) => all.map((each) => each.dateTime));
    const { next: wanted } = await api('/overview');
    assert.deepEqual(
      times,
      wanted.slice(0, 8).map(({ at }) => at),
    );
    assert.deepEqual(times, [...times].sort());
  });
  test('shows the stalest tables first, and says how many more there are', async () => {
    await open('/');
    const freshness = part(/^Freshness/);
    await freshness.getByRole('row').nth(1).waitFor();
    const shown = await freshness
      .locator('tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) => [row.querySelector('a').textContent, row.querySelector('time')?.dateTime ?? '']),
      );
    const { tables } = await api('/overview');
    const writtenAt = new Map(tables.map((table) => [`${table.connection}.${table.table}`, table.written_at ?? '']));
    assert.deepEqual(
      shown.map(([, at]) => at),
      [...writtenAt.values()].sort().slice(0, 12),
    );
    for (const [name, at] of shown) assert.equal(writtenAt.get(name), at, name);
    if (!isMock) return;
    assert.equal(shown[0][0], 'warehouse.returns');
    assert.match(await freshness.locator('tbody tr').first().innerText(), /never/);
    await freshness.getByRole('link', { name: `${tables.length - 12} fresher tables` }).click();
    await heading('Tables');
    await settled();
    assert.match(await page.locator('main tbody tr').first().innerText(), /returns[\s\S]*never written/);
  });
  test('leads from figures to what they count', async () => {
    await open('/');
    await page
      .getByRole('list', { name: 'In figures' })
      .getByRole('link', { name: /^Failed/ })
      .click();
    await page.waitForURL(/\/runs\?state=failed/);
    await settled();
    const states = await page
      .locator('main tbody tr td:first-child')
      .evaluateAll((cells) => cells.map((each) => each.innerText.trim()));
    assert.ok(states.length > 0 && states.every((state) => state === 'failed'), states.join());
  });
});
