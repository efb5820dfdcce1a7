// A project that somebody has only just made: each page says what to do.
import { after, before, describe, test } from 'node:test';
import { heading, newContext, noFaults, open, otherProject, page } from './harness.mjs';

describe('an empty project', { skip: process.env.WEIR_URL && 'needs a project of its own' }, () => {
  let end;
  before(async () => {
    end = await otherProject();
    await newContext();
  });
  after(() => end?.());
  for (const [path, name, ...words] of [
    ['/', 'Home', 'Nothing failed', 'No table was written yet', 'Nothing runs', 'Nothing is planned'],
    ['/pipelines', 'Pipelines', 'No pipeline yet'],
    ['/runs', 'Runs', 'Nothing ran yet'],
    ['/tables', 'Tables', 'No table is known yet'],
    ['/sql', 'SQL', 'Ask something', /^No table of/],
    ['/sql?side=history', 'SQL', 'Nothing was asked yet'],
    ['/connections', 'Connections', 'No connection yet'],
    ['/settings/users', 'Settings', 'Nobody has to sign in'],
    ['/settings/tokens', 'Settings', 'No token yet'],
    ['/settings/audit', 'Settings', 'Nothing was changed yet'],
  ]) {
    test(`says so at ${path}`, async () => {
      await open(path);
      await heading(name);
      for (const each of words) await page.locator('main').getByText(each).first().waitFor();
      noFaults();
    });
  }
});
