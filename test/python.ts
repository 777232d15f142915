import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MADE = fileURLToPath(new URL('../node_modules/.cache/python/bin/python', import.meta.url));

/** A Python with torch, safetensors, pytest, ruff and mypy: made by `node scripts/make-test-python.js`, or LCDNN_PYTHON. */
export const PYTHON = process.env['LCDNN_PYTHON'] ?? (existsSync(MADE) ? MADE : undefined);

if (PYTHON === undefined) {
  console.warn('tests of engine pytorch are skipped: no Python for them; node scripts/make-test-python.js makes it');
}
