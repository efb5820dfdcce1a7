// Users, sign-in and tokens: the open door is closed here.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { api, context, heading, newContext, open, page, url } from './harness.mjs';

describe('users', () => {
  const password = 'correct horse battery staple';
  before(() => newContext());
  test('a token is shown once', async () => {
    await open('/settings/tokens');
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByLabel('Name').fill('nightly');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText(/^weir_/).waitFor();
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('cell', { name: 'nightly', exact: true }).waitFor();
    assert.equal(await page.getByText(/^weir_/).count(), 0);
  });
  test('the first one closes the open door', async () => {
    await open('/settings/users');
    await page.getByRole('button', { name: 'Add a user' }).click();
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel(/^Password/).fill(password);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('cell', { name: /anna/ }).first().waitFor();
    await page.getByRole('button', { name: 'Add a user' }).click();
    await page.getByLabel('Name').fill('viktor');
    await page.getByLabel(/^Password/).fill(password);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page
      .getByRole('cell', { name: /viktor/ })
      .first()
      .waitFor();
  });
  test('a stranger signs in, and comes to where they wanted', async () => {
    await newContext();
    await open('/pipelines/sales/grid');
    await page.waitForURL(/\/sign-in\?next=/);
    await page.getByLabel('Name').fill('viktor');
    await page.getByLabel(/^Password/).fill('wrong password here');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel(/^Password/).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/\/pipelines\/sales\/grid/);
    await heading('sales');
  });
  test('a viewer is refused, and told why', async () => {
    const button = page.getByRole('button', { name: 'Run', exact: true });
    assert.equal(await button.isDisabled(), true);
    assert.match(await button.getAttribute('title'), /operator/);
    await open('/settings/users');
    await page.getByRole('alert').filter({ hasText: /admin/ }).waitFor();
    const answer = await context.request.post(`${url}/api/v1/pipelines/sales/runs`, {
      data: {},
      headers: { 'x-weir-request': '1' },
    });
    assert.equal(answer.status(), 403);
  });
  test('who signs out is out', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/\/sign-in/);
    await newContext();
    await open('/sign-in?next=//evil.example/');
    await page.getByLabel('Name').fill('viktor');
    await page.getByLabel(/^Password/).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await heading('Home');
    assert.equal(new URL(page.url()).origin, url.replace(/\/$/, ''));
  });
});
