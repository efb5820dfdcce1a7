// The pages in a real Chromium: against the mock server, or against `weir serve` of the sales example.
//   node --test tests/ui/suite.mjs
//   WEIR_BINARY=build/dev/weir node --test tests/ui/suite.mjs         a project and a server of its own
//   WEIR_URL=http://127.0.0.1:8817 node --test tests/ui/suite.mjs     a server that runs
// What changes the project (users, sign-in) comes last; a server that is given has to be without users.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { axeFile, openBrowser } from './browser.mjs';

const noProject = 'needs the files of the project that is served';
const isMock = !process.env.WEIR_URL && !process.env.WEIR_BINARY;
const dist = fileURLToPath(new URL('../../ui/dist/', import.meta.url));
// Machines that build at the same time are slow; nothing here waits longer than it has to.
const patienceMs = 120_000;
let url = process.env.WEIR_URL ?? '';
let server, folder, browser, context, page;
let faults = []; // what the browser complained about: errors, refusals of the content security policy, foreign requests

before(async () => {
  if (isMock)
    await start(process.execPath, [
      fileURLToPath(new URL('../../ui/mock/server.mjs', import.meta.url)),
      '--port',
      '0',
      '--slow',
      '40',
    ]);
  else if (!url) await serve(resolve(process.env.WEIR_BINARY));
  browser = await openBrowser();
  await newContext();
});
after(async () => {
  await browser?.close();
  server?.kill();
  if (server) await once(server, 'exit');
  if (folder) rmSync(folder, { recursive: true, force: true });
});

// Starts a server, and reads its address from what it says.
async function start(program, options, cwd = '.') {
  server = spawn(program, options, {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await Promise.race([
    once(server.stdout, 'data'),
    once(server, 'exit').then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
  ]);
  url = /https?:\/\/[^\s"]+/.exec(String(text))[0].replace(/\/$/, '');
}
async function serve(binary) {
  folder = mkdtempSync(join(tmpdir(), 'weir-ui-'));
  const project = join(folder, 'sales');
  execFileSync(binary, ['init', 'sales', project], { stdio: 'inherit' });
  // A backfill takes the defaults: a million rows are the benchmarks' business.
  edit('pipelines/sales.yml', '1000000', '2000');
  await start(binary, ['serve', '--port', '0'], project);
}
// Replaces what stands once in a file of the project; returns how to undo it.
function edit(path, from, to) {
  const file = join(folder, 'sales', path);
  const text = readFileSync(file, 'utf8');
  assert.equal(text.split(from).length, 2, `${path} has ${from} once`);
  writeFileSync(file, text.replace(from, to));
  return () => writeFileSync(file, text);
}

async function newContext(options = {}) {
  await context?.close();
  context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    timezoneId: 'Europe/Berlin',
    acceptDownloads: true,
    ...options,
  });
  context.setDefaultTimeout(patienceMs);
  page = await context.newPage();
  faults = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A refusal (401, 403, …) is reported by the browser too; tests that provoke one look at the page instead.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url()))
      faults.push(`request leaves the machine: ${request.url()}`);
  });
}
function noFaults() {
  assert.deepEqual(faults, []);
}

const open = (path) => page.goto(url + path);
const api = async (path) => (await context.request.get(`${url}/api/v1${path}`)).json();
const post = async (path, data) =>
  (
    await context.request.post(`${url}/api/v1${path}`, {
      data,
      headers: { 'x-weir-request': '1' },
    })
  ).json();
const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const runIdOf = () => decodeURIComponent(/\/runs\/([^/?]+)/.exec(page.url())[1]);

// The page has what it shows: nothing is being loaded any more, and what was loaded is drawn.
async function settled() {
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]') && document.fonts.status === 'loaded');
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

async function stateIs(wanted) {
  const state = page.getByRole('status', { name: 'State of the run' });
  await state.filter({ hasText: new RegExp(wanted) }).waitFor();
}

async function violations(where, rules) {
  await page.addScriptTag({ path: axeFile }).catch(() => page.evaluate(readFileSync(axeFile, 'utf8')));
  const found = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly }), rules);
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${where}: ${id}: ${nodes
          .slice(0, 3)
          .map((node) => node.html.slice(0, 160))
          .join(' | ')}`,
    );
}

// Fills in the form that starts the pipeline, and sends it.
async function askForRun(rows) {
  await open('/pipelines/sales/graph');
  await heading('sales');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Run sales' });
  await dialog.locator('input[name=rows]').fill(rows);
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  return dialog;
}
async function trigger(rows) {
  await askForRun(rows);
  await page.waitForURL(/\/runs\/.+/);
}
// Retries the run of this page with the files of then or of now.
async function retry(code) {
  await page.getByRole('button', { name: 'Retry', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: code }).check();
  await dialog.getByRole('button', { name: 'Retry', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

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
  test('is compared with the one before', async () => {
    const { items } = await api('/runs?pipeline=sales&state=succeeded&limit=1');
    await open(`/runs/${items[0].id}?tab=compare`);
    await heading(items[0].id);
    await page.getByText(/Against|There is no run before/).waitFor();
  });
  test('is cancelled', async () => {
    const made = await post('/pipelines/sales/runs', { params: { rows: 20_000_000 } });
    await open(`/runs/${made.id}`);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await stateIs('cancelled');
  });
});

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
      await open('/pipelines/thousand/grid');
      const grid = page.getByRole('table', { name: /^Runs and tasks/ });
      await grid.waitFor();
      // Of the thousand only those in sight are there.
      assert.ok((await grid.getByRole('rowheader').count()) < 100);
      assert.equal(await grid.getAttribute('aria-rowcount'), '1000');
    },
  );
});

describe('connections', () => {
  const secret = 'never-to-be-seen';
  before(() => newContext());
  test('are tested', async () => {
    await open('/connections');
    await page.getByRole('button', { name: 'Test shop' }).click();
    await page
      .getByRole('region', { name: 'shop' })
      .getByText(/^It answers, in/)
      .waitFor();
  });
  test('are made by a form of their connector, and tried before they are written down', async () => {
    await page.getByRole('button', { name: 'New connection' }).click();
    const dialog = page.getByRole('dialog', { name: 'New connection' });
    await dialog.getByLabel('Name', { exact: true }).fill('billing');
    await dialog.locator('input[name=host]').fill('127.0.0.1');
    await dialog.locator('input[name=port]').fill('1');
    await dialog.locator('input[name=password]').fill(secret);
    await dialog.getByRole('button', { name: 'Try it' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/[Rr]efused/)
      .waitFor();
    const line =
      'connections:\n  billing: {type: postgres, host: "127.0.0.1", port: 1, password: "{{ env.BILLING_PASSWORD }}"}';
    assert.equal(await dialog.locator('pre').last().textContent(), line);
    assert.ok(!(await page.content()).includes(secret));
    const { items } = await api('/audit');
    assert.ok(!JSON.stringify(items).includes(secret));
  });
});

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

describe('SQL', () => {
  before(() => newContext());
  test('is asked, its rows shown and exported', async () => {
    await open(
      '/sql?connection=warehouse&sql=' +
        encodeURIComponent(
          isMock ? 'SELECT * FROM sales_aggregates LIMIT 7' : 'SELECT number AS n FROM system.numbers LIMIT 7',
        ),
    );
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText(/^7 rows/).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    assert.equal(
      readFileSync(await download.path(), 'utf8')
        .trimEnd()
        .split('\r\n').length,
      8,
    );
  });
  test('that is wrong is explained', async () => {
    await open('/sql?connection=warehouse&sql=SELEC+1');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page
      .getByRole('alert')
      .filter({ hasText: /[Ss]yntax/ })
      .waitFor();
  });
  test('that takes long is cancelled', async () => {
    await open(
      '/sql?connection=warehouse&sql=' +
        encodeURIComponent(isMock ? 'SELECT sleep(60)' : 'SELECT count() FROM system.numbers'),
    );
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page
      .getByRole('alert')
      .filter({ hasText: /cancel/i })
      .waitFor();
  });
});

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
