// node scripts/make-openvino.js - OpenVINO's runtime from PyPI, in a Python of its own (node_modules/.cache/python-openvino):
// a second engine for tails, for test/peers/openvino.test.ts.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../node_modules/.cache/python-openvino', import.meta.url));
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

try {
  run('/usr/bin/python3', '-m', 'venv', folder);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check'];
  run(`${folder}/bin/python`, ...pip, 'openvino');
  run(`${folder}/bin/python`, '-c', 'import openvino');
} catch (thrown) {
  rmSync(folder, { recursive: true, force: true }); // tests would take an incomplete one for a complete one
  console.error(`no OpenVINO: ${thrown.message}`);
  process.exit(1);
}
