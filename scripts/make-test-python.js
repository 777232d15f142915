// node scripts/make-test-python.js [--current] - a Python for the tests of engine pytorch and of the edge server.
//
// Without a flag, node_modules/.cache/python: the system's torch (Debian: python3-torch libopenblas0-pthread python3-venv,
// torch 1.13, the oldest that lcdnn supports), and from PyPI what else they need. With --current,
// node_modules/.cache/python-current: PyPI's newest torch, a download of some 4 GB.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const current = process.argv.includes('--current');
const TOOLS = ['safetensors', 'pytest', 'ruff', 'mypy', 'tritonclient[http]', 'schemathesis'];
const folder = fileURLToPath(
  new URL(`../node_modules/.cache/${current ? 'python-current' : 'python'}`, import.meta.url),
);
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

try {
  run('/usr/bin/python3', '-m', 'venv', ...(current ? [] : ['--system-site-packages']), folder);
  // numpy: the one that the system's torch was built against.
  const packages = current ? ['torch', 'numpy', ...TOOLS] : TOOLS;
  run(`${folder}/bin/pip`, 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check', ...packages);
  run(`${folder}/bin/python`, '-c', 'import torch, numpy, safetensors.torch; print("torch", torch.__version__)');
} catch (thrown) {
  rmSync(folder, { recursive: true, force: true }); // tests would take an incomplete one for a complete one
  console.error(`no Python for the tests of engine pytorch: ${thrown.message}`);
  process.exit(1);
}
