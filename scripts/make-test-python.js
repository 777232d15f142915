// node scripts/make-test-python.js [--current] - a Python for the tests of engine pytorch and of the edge server. Its path
// is printed last.
//
// Without a flag, node_modules/.cache/python: the system's torch (Debian: python3-torch libopenblas0-pthread python3-venv,
// torch 1.13, the oldest that lcdnn supports), and from PyPI what else they need. With --current, the newest torch in
// $XDG_CACHE_HOME/lcdnn-tests or ~/.cache/lcdnn-tests, which `npm ci` keeps. If PyTorch's own index can be reached, it is the
// build for the CPU alone (200 MB). Otherwise it is PyPI's (4 GB), which can't be imported without CUDA's libraries. A package
// is only fetched again if there is a newer one.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const current = process.argv.includes('--current');
const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';
const TOOLS = ['safetensors', 'pytest', 'ruff', 'mypy', 'tritonclient[http]', 'schemathesis'];
const folder = current
  ? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lcdnn-tests', 'python-current')
  : fileURLToPath(new URL('../node_modules/.cache/python', import.meta.url));
const python = join(folder, 'bin', 'python');
// What they print goes to standard error: standard output is for the path.
const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 2, 2] });
const pip = (...args) =>
  run(python, '-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check', ...args);

function installCurrentTorch() {
  try {
    pip('--retries', '1', '--timeout', '10', '--upgrade', '--index-url', CPU_INDEX, 'torch');
  } catch {
    console.error(`torch for the CPU alone could not be fetched from ${CPU_INDEX}: taking PyPI's`);
    pip('--upgrade', 'torch');
  }
}

try {
  if (!current || !existsSync(python)) {
    run('/usr/bin/python3', '-m', 'venv', ...(current ? [] : ['--system-site-packages']), folder);
  }
  // numpy, unless current: the one that the system's torch was built against.
  if (current) installCurrentTorch();
  pip(...(current ? ['--upgrade', 'numpy'] : []), ...TOOLS);
  run(python, '-c', 'import torch, numpy, safetensors.torch; print("torch", torch.__version__)');
  console.log(python);
} catch (thrown) {
  rmSync(folder, { recursive: true, force: true }); // tests would take an incomplete one for a complete one
  console.error(`no Python for the tests of engine pytorch: ${thrown.message}`);
  process.exit(1);
}
