import { defineConfig } from 'vite';

export default defineConfig({
  // The loader finds the bundle's other files beside it: Vite must neither move it away from them (dev) nor turn the
  // small ones into data: URLs, which a strict content security policy refuses (build).
  optimizeDeps: { exclude: ['model'] },
  build: { assetsInlineLimit: 0 },
  worker: { format: 'es' },
});
