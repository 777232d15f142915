/**
 * Runs one image through the branch of every network at full width, in WebAssembly, and prints the memory that takes as
 * a table for docs/reproduce/sizes.md: `npm run bench:memory`, or `npm run bench:memory -- resnet18` for one.
 */
import { readFileSync } from 'node:fs';
import { normal, random } from '../src/base/random.js';
import { lowerBranch } from '../src/export/lower.js';
import { instantiate } from '../src/export/run-wasm.js';
import { deployedState } from '../src/network/deployed.js';
import type { JointNetwork } from '../src/network/layers.js';
import { createNetwork, networkNames } from '../src/network/zoo/index.js';
import { incompressibleState } from './table-1.js';

const wasm = readFileSync(new URL('../kernels/prebuilt/lcdnn-simd.wasm', import.meta.url));
const thousands = (bytes: number): string => bytes.toLocaleString('en');

function line(network: JointNetwork): string {
  const program = lowerBranch(network, deployedState(network, incompressibleState(network)));
  const next = random(1);
  const image = Float32Array.from({ length: program.input.length }, () => normal(next));
  const { memoryBytes, run } = instantiate(program, wasm);
  const { logits } = run(image);
  if (!logits.every(Number.isFinite)) throw new Error(`${network.name}: expected finite logits, found ${logits}`);
  const cells = [network.name, network.input.join('x'), thousands(program.arenaBytes), thousands(memoryBytes)];
  return `| ${cells.join(' | ')} |`;
}

const [only] = process.argv.slice(2);
console.log('| network | images | arena, bytes | WebAssembly memory, bytes |');
console.log('| --- | --- | --: | --: |');
for (const name of only === undefined ? networkNames : [only]) {
  if (name === 'lenet') {
    console.log(line(createNetwork(name, [28, 28, 1], 10)));
    continue;
  }
  console.log(line(createNetwork(name, [32, 32, 3], 10)));
  console.log(line(createNetwork(name, [224, 224, 3], 1000)));
}
