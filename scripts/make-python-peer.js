// node scripts/make-python-peer.js kserve|pytriton|openvino - installs a peer from PyPI, in a Python of its own
// (node_modules/.cache/python-NAME): a server of the Open Inference Protocol for test/peers/python-servers.test.ts, or a second
// engine for tails for test/peers/openvino.test.ts.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Packages of PyPI, by the name of the peer, which is also the first module. */
const PACKAGES = {
  kserve: ['kserve', 'onnxruntime'],
  pytriton: ['nvidia-pytriton', 'onnxruntime'],
  openvino: ['openvino'],
};

const [peer] = process.argv.slice(2);
if (!Object.hasOwn(PACKAGES, peer)) {
  console.error(`expected one of ${Object.keys(PACKAGES).join(', ')}, found ${peer ?? 'nothing'}`);
  process.exit(2);
}
const folder = fileURLToPath(new URL(`../node_modules/.cache/python-${peer}`, import.meta.url));
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

try {
  run('/usr/bin/python3', '-m', 'venv', folder);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check'];
  run(`${folder}/bin/python`, ...pip, ...PACKAGES[peer]);
  run(`${folder}/bin/python`, '-c', `import ${[peer, ...PACKAGES[peer].slice(1)]}`);
} catch (thrown) {
  rmSync(folder, { recursive: true, force: true }); // tests would take an incomplete one for a complete one
  console.error(`no ${peer}: ${thrown.message}`);
  process.exit(1);
}
