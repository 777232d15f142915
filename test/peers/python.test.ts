import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PYTHON } from '../python.js';

const cwd = fileURLToPath(new URL('../../python', import.meta.url));
const caches = { PYTHONDONTWRITEBYTECODE: '1', RUFF_NO_CACHE: 'true', MYPY_CACHE_DIR: '/dev/null' };

describe.skipIf(PYTHON === undefined)('the PyTorch trainer', () => {
  it.each([
    ['passes its own tests', 'python', ['-m', 'pytest', '-q']],
    ['is free of what ruff finds', 'ruff', ['check']],
    ['is formatted', 'ruff', ['format', '--check']],
    ['is free of what mypy finds', 'mypy', ['lcdnn_torch', 'tests']],
  ])('%s', (_, tool, args) => {
    const program = tool === 'python' ? PYTHON! : join(dirname(PYTHON!), tool);
    const env = { ...process.env, ...caches };
    expect(execFileSync(program, args, { cwd, env, encoding: 'utf8' })).toMatch(/passed|formatted|no issues|passed!/);
  });
});
