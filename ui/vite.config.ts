/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Where `npm run dev` finds the API: the mock server, or a running `weir serve`.
const api = process.env.WEIR_URL ?? 'http://127.0.0.1:8818';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // Under `default-src 'self'` a data: URL is refused, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { '/api': api } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
