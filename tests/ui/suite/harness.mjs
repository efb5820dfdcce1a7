// What every part of the suite uses: a server, a browser and its page, and what is done on pages again and again.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { axeFile, openBrowser } from '../browser.mjs';

export const noProject = 'needs the files of the project that is served';
export const isMock = !process.env.WEIR_URL && !process.env.WEIR_BINARY;
export const dist = fileURLToPath(new URL('../../../ui/dist/', import.meta.url));
const mock = fileURLToPath(new URL('../../../ui/mock/server.mjs', import.meta.url));
// Machines that build at the same time are slow; nothing here waits longer than it has to.
const patienceMs = 120_000;
export let url = process.env.WEIR_URL ?? '';
export let context, page;
let server, folder, browser;
let faults = []; // what the browser complained about: errors, refusals of the content security policy, foreign requests

before(async () => {
  if (isMock) await start(process.execPath, [mock, '--port', '0', '--slow', '40']);
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
  writeFileSync(join(project, 'pipelines/digest.yml'), 'after: [sales]\ntasks: {say: {command: "echo it is there"}}\n');
  await start(binary, ['serve', '--port', '0'], project);
}
async function end() {
  server.kill();
  await once(server, 'exit');
}
// The server of another project in place of this one, until the function that it returns is called. It is empty, or has the
// files that are given by their paths; `fill` gets the folder between a first start of its server and the one that stays.
export async function otherProject(files = {}, fill = null) {
  const [ours, oursUrl] = [server, url];
  const project = mkdtempSync(join(tmpdir(), 'weir-ui-other-'));
  if (isMock) await start(process.execPath, [mock, '--port', '0', '--empty']);
  else {
    mkdirSync(join(project, 'pipelines'));
    for (const [path, text] of Object.entries({ 'weir.yml': 'name: other\n', ...files }))
      writeFileSync(join(project, path), text);
    const serveIt = () => start(resolve(process.env.WEIR_BINARY), ['serve', '--port', '0', '--no-schedules'], project);
    await serveIt();
    if (fill) {
      await end();
      fill(project);
      await serveIt();
    }
  }
  return async () => {
    await end();
    rmSync(project, { recursive: true, force: true });
    [server, url] = [ours, oursUrl];
  };
}
// Replaces what stands once in a file of the project; returns how to undo it.
export function edit(path, from, to) {
  const file = join(folder, 'sales', path);
  const text = readFileSync(file, 'utf8');
  assert.equal(text.split(from).length, 2, `${path} has ${from} once`);
  writeFileSync(file, text.replace(from, to));
  return () => writeFileSync(file, text);
}

export async function newContext(options = {}) {
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
export function noFaults() {
  assert.deepEqual(faults, []);
}

export const open = (path) => page.goto(url + path);
// Opens a page, and returns what it was itself answered: runs go on, so that another answer may already differ.
export async function openWith(path, asked) {
  const [answer] = await Promise.all([page.waitForResponse(`${url}/api/v1${asked}`), open(path)]);
  return answer.json();
}
export const api = async (path) => (await context.request.get(`${url}/api/v1${path}`)).json();
export const post = async (path, data) =>
  (
    await context.request.post(`${url}/api/v1${path}`, {
      data,
      headers: { 'x-weir-request': '1' },
    })
  ).json();
export const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
export const runIdOf = () => decodeURIComponent(/\/runs\/([^/?]+)/.exec(page.url())[1]);

// The page has what it shows: nothing is being loaded any more, and what was loaded is drawn.
export async function settled() {
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]') && document.fonts.status === 'loaded');
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

// The pointer on a time shows it on the clock of a zone, and on no other but the viewer's and UTC's.
export async function showsZone(time, zone) {
  await time.hover();
  await time.and(page.locator(`[title*="· ${zone}"]`)).waitFor();
  const lines = (await time.getAttribute('title')).split('\n');
  assert.equal(lines.length, 3, lines.join(' | '));
}
// What a press on a button saves as a file.
export async function saved(button) {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return readFileSync(await download.path(), 'utf8');
}

export async function stateIs(wanted) {
  const state = page.getByRole('status', { name: 'State of the run' });
  await state.filter({ hasText: new RegExp(wanted) }).waitFor();
}

export async function violations(where, rules) {
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
export async function askForRun(rows) {
  await open('/pipelines/sales/graph');
  await heading('sales');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Run sales' });
  await dialog.locator('input[name=rows]').fill(rows);
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  return dialog;
}
export async function trigger(rows) {
  await askForRun(rows);
  await page.waitForURL(/\/runs\/.+/);
}
// Retries the run of this page with the files of then or of now.
export async function retry(code) {
  await page.getByRole('button', { name: 'Retry', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: code }).check();
  await dialog.getByRole('button', { name: 'Retry', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}
