// Users, sign-in and tokens: the open door is closed here.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { api, context, heading, isMock, newContext, open, page, url } from './harness.mjs';

describe('users', () => {
  const password = 'correct horse battery staple';
  const newPassword = 'another horse, another staple';
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
  test('a role is changed, and the audit says by whom', async () => {
    const roleOf = async (name) => (await api('/users')).items.find((each) => each.name === name).role;
    const choice = page.getByRole('combobox', { name: 'Role of viktor' });
    for (const role of ['operator', 'viewer']) {
      await Promise.all([
        page.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.ok()),
        choice.selectOption(role),
      ]);
      assert.equal(await roleOf('viktor'), role);
    }
    await open('/settings/audit');
    const rows = page.locator('main tbody tr');
    await rows.first().waitFor();
    const { items } = await api('/audit?limit=100');
    const shown = await rows.evaluateAll((all) =>
      all.map((row) => [1, 2, 3, 5].map((index) => row.cells[index].textContent.trim())),
    );
    assert.deepEqual(
      shown,
      items.map(({ user, action, object, address }) => [user, action, object, address]),
    );
    assert.deepEqual(shown[0].slice(0, 3), ['anna', 'user.change', 'viktor']);
    assert.ok(shown.some(([, action, object]) => action === 'run.trigger' && object === 'sales') || isMock);
  });
  test('the own password is changed, by who knows the old one', async () => {
    await open('/settings/users');
    const form = page.getByRole('region', { name: 'Your password' });
    const change = async (old, now) => {
      await form.getByLabel('Now', { exact: true }).fill(old);
      await form.getByLabel('From now on').fill(now);
      await form.getByRole('button', { name: 'Change it' }).click();
    };
    await change('not the old one', newPassword);
    await form.getByRole('alert').waitFor();
    await change(password, newPassword);
    await page.getByText('Your password was changed').first().waitFor();
    assert.equal(await form.getByRole('alert').count(), 0);
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
  test('who is removed cannot come back', async () => {
    await newContext();
    await open('/sign-in?next=/settings/users');
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel(/^Password/).fill(newPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Remove viktor' }).click();
    await page.getByRole('dialog', { name: 'Remove viktor?' }).getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Remove viktor' }).waitFor({ state: 'detached' });
    assert.deepEqual(
      (await api('/users')).items.map(({ name }) => name),
      ['anna'],
    );
    await newContext();
    await open('/sign-in');
    await page.getByLabel('Name').fill('viktor');
    await page.getByLabel(/^Password/).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
  });
});
