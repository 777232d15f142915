// npm run keep-trained -- RUN BUNDLE NAME - copies what is kept of a finished run into trained/NAME: config, metrics and
// results of the run, and the bundle's page. The edge model is too large; the list of the page's files has its size and SHA-256.
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MANIFEST_FILE } from '../src/bundle/manifest.js';
import { readBundle } from '../src/bundle/read-bundle.js';

const [run, bundle, name] = process.argv.slice(2);
if (name === undefined) throw new Error('expected RUN BUNDLE NAME');
const folder = fileURLToPath(new URL(`../trained/${name}`, import.meta.url));

mkdirSync(folder, { recursive: true });
for (const file of ['config.json', 'network.json', 'metrics.jsonl', 'tau.json', 'test.json']) {
  if (existsSync(join(run, file))) copyFileSync(join(run, file), join(folder, file));
}
// Where the data lay on one machine says nothing elsewhere.
const config = join(folder, 'config.json');
writeFileSync(config, readFileSync(config, 'utf8').replace(/("dataDir": )"[^"]*"/, '$1"DIR"'));
const { manifest } = readBundle(bundle);
for (const path of [MANIFEST_FILE, ...Object.keys(manifest.files)]) {
  if (path === manifest.tail.file || path.startsWith('demo/')) continue;
  mkdirSync(dirname(join(folder, 'page', path)), { recursive: true });
  cpSync(join(bundle, path), join(folder, 'page', path));
}
const { bytes, sha256 } = manifest.files[manifest.tail.file];
console.log(`${folder}: kept; release file ${manifest.tail.file}: ${bytes} bytes, SHA-256 ${sha256}`);
