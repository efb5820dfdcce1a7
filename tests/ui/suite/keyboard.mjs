// What is reached by the keyboard.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { heading, newContext, open, page } from './harness.mjs';

describe('the keyboard', () => {
  before(() => newContext());
  test('finds anything with Ctrl K', async () => {
    await open('/');
    await heading('Home');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /Pipeline, table/ }).fill('sales');
    await page.getByRole('option', { name: /Pipeline sales/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/pipelines\/sales/);
  });
  test('skips to the content, and closes dialogs', async () => {
    await open('/pipelines');
    await page.getByRole('link', { name: 'sales', exact: true }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'To the content');
    await page.getByRole('button', { name: 'Run sales' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Run sales');
  });
  test('changes the theme, which stays', async () => {
    await open('/');
    await page.getByRole('button', { name: 'Use the dark theme' }).press('Enter');
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await page.getByRole('button', { name: 'Use the light theme' }).waitFor();
  });
});
