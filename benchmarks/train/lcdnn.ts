// The step of a joint network on an engine, for benchmarks/train/train.ts: arguments and protocol of pytorch.py, and the engine.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { normal, random } from '../../src/base/random.js';
import type { JointNetwork } from '../../src/network/layers.js';
import { createEngine } from '../../src/train/engines/index.js';
import { createOnnxruntimeEngine } from '../../src/train/engines/onnxruntime.js';
import { initialState } from '../../src/train/initial-state.js';
import { trainStep } from '../../src/train/step.js';

const [file, batch, threads] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const network: JointNetwork = JSON.parse(readFileSync(file, 'utf8'));
const { input, classes } = network;
const next = random(1);
const state = initialState(network, 'adam', 1);
const [engineName] = process.argv.slice(5);
// Threads of libtensorflow are all cores, as its binding starts it.
const engine = engineName === 'onnxruntime' ? createOnnxruntimeEngine({ threads }) : await createEngine(engineName);
engine.setState(state);
const step = await engine.compile(
  trainStep(network, { optimizer: 'adam', weightDecay: 0, branchWeight: 1, distillation: 0, temperature: 1 }),
  Object.keys(state),
  {
    images: [batch, ...input],
    targets: [batch, classes],
    rate: [],
    branchRate: [],
    correction1: [],
    correction2: [],
  },
);
const targets = new Float32Array(batch * classes);
for (let i = 0; i < batch; i++) targets[classes * i + Math.floor(classes * next())] = 1;
const inputs = {
  images: Float32Array.from({ length: batch * input[0] * input[1] * input[2] }, () => normal(next)),
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
