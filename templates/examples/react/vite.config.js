import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // The loader finds the bundle's other files beside it, so Vite must not move it away from them (dev), nor turn the small ones
  // into data: URLs, which a strict content security policy refuses (build).
  optimizeDeps: { exclude: ['MODEL'] },
  build: { assetsInlineLimit: 0 },
});
