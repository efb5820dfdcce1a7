// What the browser is given, and every page by its address.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  api,
  context,
  dist,
  heading,
  isMock,
  newContext,
  noFaults,
  open,
  page,
  settled,
  stateIs,
  trigger,
  url,
  violations,
} from './harness.mjs';

describe('what is delivered', () => {
  // The script that the browser fetches for a page without graph, chart or editor.
  test('the first load is at most 250 kB of gzipped script', async () => {
    const fetched = new Set();
    const listen = (response) => response.url().endsWith('.js') && fetched.add(new URL(response.url()).pathname);
    page.on('response', listen);
    for (const [path, name] of [
      ['/', 'Home'],
      ['/pipelines', 'Pipelines'],
      ['/runs', 'Runs'],
    ]) {
      fetched.clear();
      await newContext();
      page.on('response', listen);
      await open(path);
      await heading(name);
      const bytes = [...fetched].reduce((sum, file) => sum + gzipSync(readFileSync(dist + file.slice(1))).length, 0);
      assert.ok(fetched.size > 0 && bytes <= 250_000, `${path}: ${bytes} bytes in ${[...fetched].join(' ')}`);
    }
  });
  test('nothing in it names a foreign address that a browser would fetch', () => {
    const html = readFileSync(dist + 'index.html', 'utf8');
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
    assert.doesNotMatch(html, /<script(?![^>]*src=)/);
    for (const file of readdirSync(dist + 'assets').filter((each) => each.endsWith('.css'))) {
      assert.doesNotMatch(readFileSync(`${dist}assets/${file}`, 'utf8'), /url\((["']?)(https?:)?\/\//, file);
    }
  });
});

describe('pages', () => {
  let paths;
  before(async () => {
    await newContext();
    if (!isMock) {
      await trigger('2000');
      await stateIs('succeeded');
    }
    const { items } = await api('/runs?pipeline=sales&state=succeeded&limit=1');
    const run = items[0].id;
    paths = [
      ['/', 'Home'],
      ['/pipelines', 'Pipelines'],
      ...['graph', 'grid', 'gantt', 'calendar', 'code', 'backfills'].map((tab) => [`/pipelines/sales/${tab}`, 'sales']),
      ['/runs', 'Runs'],
      [`/runs/${run}`, run],
      [`/runs/${run}?tab=compare`, run],
      [`/runs/${run}?tab=events`, run],
      [`/runs/${run}?view=graph`, run],
      [`/runs/${run}/tasks/stage`, run],
      [`/runs/${run}/tasks/stage?tab=attempts`, run],
      [`/runs/${run}/tasks/validate?tab=checks`, run],
      [`/runs/${run}/tasks/clean%2Fclean_sales?tab=sql`, run],
      ['/tables', 'Tables'],
      ...['columns', 'lineage', 'sample', 'runs'].map((tab) => [
        `/tables/warehouse/clean_sales?tab=${tab}`,
        'clean_sales',
      ]),
      ['/sql?connection=warehouse&sql=SELECT+1', 'SQL'],
      ['/connections', 'Connections'],
      ...['users', 'tokens', 'audit', 'server'].map((tab) => [`/settings/${tab}`, 'Settings']),
    ];
  });
  // All rules once; again only those whose outcome another look can change.
  const looks = [
    {
      name: 'light',
      colorScheme: 'light',
      rules: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
    },
    { name: 'dark', colorScheme: 'dark', rules: ['color-contrast'] },
    {
      name: '360 px',
      viewport: { width: 360, height: 740 },
      rules: ['cat.keyboard', 'cat.name-role-value', 'cat.structure'],
    },
  ];
  for (const look of looks) {
    test(`open by their address, without violations, in ${look.name}`, async () => {
      const { name: _, rules, ...options } = look;
      // axe is put into the page as a script, which the policy of the pages refuses, as it should.
      await newContext({ ...options, bypassCSP: true });
      const found = [];
      for (const [path, name] of paths) {
        await open(path);
        await heading(name);
        await settled();
        found.push(...(await violations(path, rules)));
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        if (over > 0) found.push(`${path}: ${over} px wider than the window`);
      }
      assert.deepEqual(found, []);
      noFaults();
    });
  }
  test('keep to the content security policy', async () => {
    await newContext();
    await context.addInitScript(() =>
      document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.sourceFile}:${event.lineNumber}`),
      ),
    );
    for (const [path, name] of paths) {
      await open(path);
      await heading(name);
      await settled();
    }
    noFaults();
  });
  test('say when there is no such page, run, pipeline or table', async () => {
    for (const [path, words] of [
      ['/nowhere', 'There is no page here'],
      ['/runs/20200101-000000-zzzz', /no|not/],
      ['/pipelines/none/graph', /no|not/],
      ['/tables/warehouse/none', /no|not/],
    ]) {
      await open(path);
      await page.locator('main').getByText(words).first().waitFor();
    }
  });
});
