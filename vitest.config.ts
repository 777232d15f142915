import { defineConfig } from 'vitest/config';
import './src/base/no-telemetry.js';
import { SlowestFirst } from './test/slowest-first.js';

export default defineConfig({
  test: {
    // Two cores: more workers would only fight onnxruntime's own threads.
    maxWorkers: 2,
    sequence: { sequencer: SlowestFirst },
    testTimeout: 120_000,
    hookTimeout: 300_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,kernels,benchmarks,scripts,test}/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/peers/bundlers/**'],
        },
      },
      { extends: true, test: { name: 'browser', include: ['test/{browser,peers/bundlers}/**/*.test.ts'] } },
    ],
  },
});
