// node scripts/make-test-python.js - a Python for the tests of engine pytorch and of the edge server, in
// node_modules/.cache/python: the system's torch (Debian: python3-torch libopenblas0-pthread python3-venv), and from PyPI
// what else they need.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['safetensors', 'pytest', 'ruff', 'mypy', 'tritonclient[http]'];
const folder = fileURLToPath(new URL('../node_modules/.cache/python', import.meta.url));
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

try {
  run('/usr/bin/python3', '-m', 'venv', '--system-site-packages', folder);
  // numpy: the one that the system's torch was built against.
  run(`${folder}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES);
  run(`${folder}/bin/python`, '-c', 'import torch, numpy, safetensors.torch');
} catch (thrown) {
  rmSync(folder, { recursive: true, force: true }); // the tests would take half of one for a whole one
  console.error(`no Python for the tests of engine pytorch: ${thrown.message}`);
  process.exit(1);
}
