// node scripts/make-python-server.js kserve|pytriton - a server of the Open Inference Protocol from PyPI, in a Python of its own
// (node_modules/.cache/python-kserve or -pytriton), for test/peers/python-servers.test.ts.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PACKAGES = { kserve: 'kserve', pytriton: 'nvidia-pytriton' };

const [server] = process.argv.slice(2);
if (!Object.hasOwn(PACKAGES, server)) {
  console.error(`expected one of ${Object.keys(PACKAGES).join(', ')}, found ${server ?? 'nothing'}`);
  process.exit(2);
}
const folder = fileURLToPath(new URL(`../node_modules/.cache/python-${server}`, import.meta.url));
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

try {
  run('/usr/bin/python3', '-m', 'venv', folder);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check'];
  run(`${folder}/bin/python`, ...pip, PACKAGES[server], 'onnxruntime');
  run(`${folder}/bin/python`, '-c', `import ${server}, onnxruntime`);
} catch (thrown) {
  rmSync(folder, { recursive: true, force: true }); // tests would take an incomplete one for a complete one
  console.error(`no ${server}: ${thrown.message}`);
  process.exit(1);
}
