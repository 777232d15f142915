/**
 * Times one image through the whole binary branch, as a page runs it (loader and WebAssembly of a bundle), against
 * onnxruntime-web (wasm, one thread) on the full network as ONNX, in alternation: `npm run bench:device`.
 * The weights are a seeded start: no kernel's time depends on them. Prints medians and their ratio.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-web/wasm';
import { normal, random } from '../src/base/random.js';
import { importLoader } from '../src/bundle/import-loader.js';
import { writeBundle } from '../src/bundle/write-bundle.js';
import { generateBundle } from '../src/codegen/generate-bundle.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT } from '../src/export/float-model.js';
import { lowerBranch } from '../src/export/lower.js';
import { createNetwork } from '../src/network/zoo/index.js';
import { initialState } from '../src/train/initial-state.js';
import { median } from './median.js';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, images: { type: 'string', default: '20' } },
});
const [rounds, images] = [Number(flags.rounds), Number(flags.images)];

const network = createNetwork('lenet', [28, 28, 1], 10);
const state = initialState(network, 'momentum', 1);
const tail = { model: floatModel(network, state, ['full']), input: TAIL_INPUT, output: TAIL_OUTPUT };
const draft = generateBundle(lowerBranch(network, state), {
  name: 'lenet',
  network: 'lenet',
  dataset: 'none',
  input: { shape: [28, 28, 1], mean: [0], std: [1] },
  labels: Array.from({ length: 10 }, (_, i) => String(i)),
  tau: 0.1,
  tail,
  samples: [],
  provenance: {},
});

ort.env.wasm.numThreads = 1;
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-'));
try {
  const bundle = join(folder, 'bundle');
  const { load } = await importLoader(bundle, await writeBundle(bundle, draft));
  const model = await load(pathToFileURL(`${bundle}/`), { edge: false });
  const session = await ort.InferenceSession.create(floatModel(network, state, ['shared', 'full']));

  const next = random(1);
  const image = Float32Array.from({ length: 784 }, () => normal(next));
  const branch = () => model.branch(image);
  const full = () => session.run({ [TAIL_INPUT]: new ort.Tensor('float32', image, [1, 28, 28, 1]) });
  const milliseconds = async (answer: () => unknown): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < images; i++) await answer();
    return (performance.now() - start) / images;
  };
  for (let i = 0; i < 20; i++) await Promise.all([milliseconds(branch), milliseconds(full)]); // warm

  const times: { branch: number; full: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push({ branch: await milliseconds(branch), full: await milliseconds(full) });
  }
  console.log(`LeNet, one image, ${rounds} rounds of ${images} in alternation, ${model.simd ? 'SIMD128' : 'scalar'}`);
  console.log(`binary branch, lcdnn:                       ${median(times.map((time) => time.branch)).toFixed(3)} ms`);
  console.log(`full network, onnxruntime-web, one thread:  ${median(times.map((time) => time.full)).toFixed(3)} ms`);
  console.log(`ratio (median of rounds):                   ${median(times.map((t) => t.full / t.branch)).toFixed(2)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
