/**
 * Runs one image through the branch of every network at full width in WebAssembly and measures the memory, for docs/reproduce/sizes.md: `npm run bench:memory`, or `npm run bench:memory -- resnet18` for one.
 */
import { readFileSync } from 'node:fs';
import { normal, random } from '../src/base/random.js';
import { lowerBranch } from '../src/export/lower.js';
import { instantiate } from '../src/export/run-wasm.js';
import { deployedState } from '../src/network/deployed.js';
import type { JointNetwork } from '../src/network/layers.js';
import { createNetwork, networkNames } from '../src/network/zoo/index.js';
import { printTable } from './print-table.js';
import { writeResult } from './results.js';
import { incompressibleState } from './table-1.js';

const wasm = readFileSync(new URL('../kernels/prebuilt/lcdnn-simd.wasm', import.meta.url));

function cellsOf(network: JointNetwork): (string | number)[] {
  const program = lowerBranch(network, deployedState(network, incompressibleState(network)));
  const next = random(1);
  const image = Float32Array.from({ length: program.input.length }, () => normal(next));
  const { memoryBytes, run } = instantiate(program, wasm);
  const { logits } = run(image);
  if (!logits.every(Number.isFinite)) throw new Error(`${network.name}: expected finite logits, found ${logits}`);
  return [network.name, network.input.join('x'), program.arenaBytes, memoryBytes];
}

/** Every network at full width: for MNIST, or for CIFAR and ImageNet. */
function networksOf(name: string): JointNetwork[] {
  if (name === 'lenet') return [createNetwork(name, [28, 28, 1], 10)];
  return [createNetwork(name, [32, 32, 3], 10), createNetwork(name, [224, 224, 3], 1000)];
}

const [only] = process.argv.slice(2);
const table = {
  columns: [
    { title: 'network' },
    { title: 'images' },
    { title: 'arena, bytes', digits: 0 },
    { title: 'WebAssembly memory, bytes', digits: 0 },
  ],
  rows: (only === undefined ? networkNames : [only]).flatMap(networksOf).map(cellsOf),
};
console.log(printTable(table));
if (only === undefined) writeResult('branch-memory', { command: 'npm run bench:memory', tables: { memory: table } });
