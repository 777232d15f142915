// node scripts/make-model-servers.js - KServe's Python server from PyPI, in a Python of its own in node_modules/.cache: another
// server of the Open Inference Protocol, for test/peers/inference-servers.test.ts.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

for (const name of ['kserve']) {
  const folder = fileURLToPath(new URL(`../node_modules/.cache/python-${name}`, import.meta.url));
  try {
    run('/usr/bin/python3', '-m', 'venv', folder);
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check'];
    run(`${folder}/bin/python`, ...pip, name, 'onnxruntime');
    run(`${folder}/bin/python`, '-c', `import ${name}, onnxruntime`);
  } catch (thrown) {
    rmSync(folder, { recursive: true, force: true }); // tests would take an incomplete one for a complete one
    console.error(`no ${name}: ${thrown.message}`);
    process.exitCode = 1;
  }
}
