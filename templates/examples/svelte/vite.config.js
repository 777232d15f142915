import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  // The loader finds the bundle's other files beside it, so Vite must not move it away from them (dev), nor turn the small ones
  // into data: URLs, which a strict content security policy refuses (build).
  optimizeDeps: { exclude: ['MODEL'] },
  build: { assetsInlineLimit: 0 },
});
