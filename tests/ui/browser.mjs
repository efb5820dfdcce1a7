// Debian's Chromium for the tests and the screenshots: no browser is downloaded, nothing but loopback is reached.
import { createRequire } from 'node:module';

const fromUi = createRequire(new URL('../../ui/package.json', import.meta.url));
const { chromium } = fromUi('playwright-core');

export const axeFile = fromUi.resolve('axe-core/axe.min.js');

export async function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // A container's root has no sandbox to offer; the pages are our own.
    args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--font-render-hinting=none'],
  });
}
