// The list of runs.
import { before, describe, test } from 'node:test';
import { heading, isMock, newContext, open, page, post } from './harness.mjs';

describe('runs', () => {
  before(() => newContext());
  test('come page by page', { skip: !isMock && 'needs many runs' }, async () => {
    await open('/runs');
    await page.locator('main tbody tr').first().waitFor();
    const first = await page.locator('main tbody tr').count();
    await page.mouse.move(640, 500);
    await page.mouse.wheel(0, 20_000);
    await page.waitForFunction((count) => document.querySelectorAll('main tbody tr').length > count, first);
  });
  test('appear while one looks', async () => {
    await open('/runs');
    await heading('Runs');
    await page.locator('main tbody tr').first().waitFor();
    const { id } = await post('/pipelines/sales/runs', {
      params: { rows: 1000 },
    });
    await page.getByRole('link', { name: id, exact: true }).waitFor();
  });
});
