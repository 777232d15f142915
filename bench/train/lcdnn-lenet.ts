// The traced step of the joint LeNet, for bench/train/train.ts: the same protocol as pytorch_lenet.py.
import { createInterface } from 'node:readline';
import { normal, random } from '../../src/base/random.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { createOnnxruntimeEngine } from '../../src/train/engines/onnxruntime.js';
import { initialState } from '../../src/train/initial-state.js';
import { trainStep } from '../../src/train/step.js';

const batch = Number(process.argv[2]);
const threads = Number(process.argv[3]);
const next = random(1);
const network = createNetwork('lenet', [28, 28, 1], 10);
const state = initialState(network, 'adam', 1);
const engine = createOnnxruntimeEngine(threads);
engine.setState(state);
const step = await engine.compile(
  trainStep(network, { optimizer: 'adam', weightDecay: 0, branchWeight: 1, distillation: 0, temperature: 1 }),
  Object.keys(state),
  { images: [batch, 28, 28, 1], targets: [batch, 10], rate: [], branchRate: [], correction1: [], correction2: [] },
);
const targets = new Float32Array(batch * 10);
for (let i = 0; i < batch; i++) targets[10 * i + Math.floor(10 * next())] = 1;
const inputs = {
  images: Float32Array.from({ length: batch * 28 * 28 }, () => normal(next)),
  targets,
  rate: Float32Array.of(2e-3),
  branchRate: Float32Array.of(2e-3),
  correction1: Float32Array.of(0.5),
  correction2: Float32Array.of(0.5),
};

for await (const line of createInterface({ input: process.stdin })) {
  const steps = Number(line);
  const start = performance.now();
  for (let i = 0; i < steps; i++) await step(inputs);
  const seconds = (performance.now() - start) / 1000;
  console.log((batch * steps) / seconds, process.resourceUsage().maxRSS * 1024);
}
