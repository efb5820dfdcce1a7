// Pictures of pages for docs/screenshots, or of any address for a look at it.
//   node tests/ui/screenshots.mjs URL FOLDER [NAME=PATH…] [--dark] [--narrow] [--height PX] [--wait MS] [--press BUTTON] [--full]
import { openBrowser } from './browser.mjs';

const [url, folder, ...rest] = process.argv.slice(2);
const pages = rest.filter((each) => !each.startsWith('--') && each.includes('='));
const dark = rest.includes('--dark');
const narrow = rest.includes('--narrow');
const numberAfter = (option, otherwise) => Number(rest[rest.indexOf(option) + 1]) || otherwise;
const waitMs = numberAfter('--wait', 700);
const height = numberAfter('--height', narrow ? 740 : 780);

const browser = await openBrowser();
const page = await browser.newPage({
  viewport: { width: narrow ? 360 : 1280, height },
  colorScheme: dark ? 'dark' : 'light',
  timezoneId: 'Europe/Berlin',
});
page.on(
  'console',
  (message) => ['error', 'warning'].includes(message.type()) && console.log(message.type(), message.text()),
);
page.on('pageerror', (error) => console.log('page error', error.message));
for (const each of pages) {
  const [name, path] = [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)];
  await page.goto(url + path);
  if (rest.includes('--press'))
    await page
      .getByRole('button', {
        name: rest[rest.indexOf('--press') + 1],
        exact: true,
      })
      .click();
  await page.waitForTimeout(waitMs);
  await page.screenshot({
    path: `${folder}/${name}.png`,
    fullPage: rest.includes('--full'),
  });
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) console.log(`${name}: ${over} px wider than the window`);
}
await browser.close();
