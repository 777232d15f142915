// node scripts/make-tfjs-node.js - installs @tensorflow/tfjs-node, for engine tensorflow, on machines that can't reach
// storage.googleapis.com, from which it downloads libtensorflow. Compiles its binding against TensorFlow from PyPI, whose
// libtensorflow_cc.so.2 also has the C API. Linux on x86-64, with g++ and Debian's python3-venv. `npm ci` removes it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TENSORFLOW = 'tensorflow-cpu==2.17.1';
const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules/.cache/tensorflow');
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit', cwd: root });
const filesIn = (folder, end) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name));
const versionOf = (name) => JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;

rmSync(cache, { recursive: true, force: true });
mkdirSync(cache, { recursive: true });
run(
  'npm',
  'install',
  '--no-save',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  ...[`@tensorflow/tfjs-node@${versionOf('@tensorflow/tfjs-core')}`, 'node-api-headers'],
);

run('/usr/bin/python3', '-m', 'venv', join(cache, 'python'));
const wheelFor = ['--python-version', '3.11', '--platform', 'manylinux2014_x86_64', '--only-binary', ':all:'];
run(join(cache, 'python/bin/pip'), 'download', '--quiet', '--no-deps', ...wheelFor, '--dest', cache, TENSORFLOW);
const [wheel] = filesIn(cache, '.whl');
const EXTRACT = `
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
wanted = ("tensorflow/libtensorflow", "tensorflow/include/tensorflow/", "tensorflow/include/tsl/", "tensorflow/include/xla/tsl/")
wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith(wanted)])`;
run('/usr/bin/python3', '-c', EXTRACT, wheel, cache);
rmSync(wheel);

const tfjsNode = join(root, 'node_modules/@tensorflow/tfjs-node');
const { napi_versions: versions } = JSON.parse(readFileSync(join(tfjsNode, 'package.json'), 'utf8')).binary;
const napi = Math.max(...versions.filter((version) => version <= Number(process.versions.napi)));
const [tensorflow, out] = [join(cache, 'tensorflow'), join(tfjsNode, `lib/napi-v${napi}`)];
mkdirSync(out, { recursive: true });
run(
  'g++',
  ...['-std=c++17', '-O2', '-shared', '-fPIC', `-DNAPI_VERSION=${napi}`, '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
  ...[join(root, 'node_modules/node-api-headers/include'), join(tensorflow, 'include'), tfjsNode].map(
    (at) => `-I${at}`,
  ),
  ...filesIn(join(tfjsNode, 'binding'), '.cc'),
  ...filesIn(tensorflow, '.so.2'),
  `-Wl,-rpath,${tensorflow}`,
  ...['-o', join(out, 'tfjs_binding.node')],
);
run(process.execPath, '-e', "console.log('tfjs-node', require('@tensorflow/tfjs-node').version['tfjs-node'], 'runs')");
