// node scripts/make-test-python.js - makes a Python for the tests of engine pytorch and of the edge server, in
// node_modules/.cache/python. It uses the system's torch (Debian: python3-torch libopenblas0-pthread python3-venv) and
// installs the rest from PyPI.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['safetensors', 'pytest', 'ruff', 'mypy', 'tritonclient[http]'];
const folder = fileURLToPath(new URL('../node_modules/.cache/python', import.meta.url));
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

try {
  run('/usr/bin/python3', '-m', 'venv', '--system-site-packages', folder);
  // numpy comes from the system, because the system's torch was built against it.
  run(`${folder}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES);
  run(`${folder}/bin/python`, '-c', 'import torch, numpy, safetensors.torch');
} catch (thrown) {
  rmSync(folder, { recursive: true, force: true }); // or the tests would use a half-finished one
  console.error(`no Python for the tests of engine pytorch: ${thrown.message}`);
  process.exit(1);
}
