// npx tsx benchmarks/train/profile.ts --network resnet18 - where one training step's time goes, by operator. --photos: of a step
// of recipe photos; --fine-tune N: of the step that fine-tunes its last N blocks.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { newRunConfig } from '../../src/api/new-run.js';
import { table } from '../../src/base/format.js';
import * as ort from '../../src/base/onnxruntime.js';
import { headInputs } from '../../src/network/head.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { trace } from '../../src/onnx/trace.js';
import { resolveConfig } from '../../src/run/config.js';
import { networkOf } from '../../src/run/run-directory.js';
import { trainingStages } from '../../src/run/stages.js';
import { initialParameters, initialSlots } from '../../src/train/initial-state.js';
import { trainStep } from '../../src/train/step.js';

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', default: 'resnet18' },
    batch: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(availableParallelism()) },
    steps: { type: 'string', default: '3' },
    photos: { type: 'boolean', default: false },
    'fine-tune': { type: 'string', default: '0' },
    /** Operators whose nodes are listed one by one, longest first. */
    nodes: { type: 'string', multiple: true, default: [] },
  },
});

interface Event {
  readonly name: string;
  readonly cat: string;
  /** Microseconds. */
  readonly dur: number;
  readonly ts: number;
  readonly args: { op_name?: string; output_size?: string; input_type_shape?: unknown };
}

const batch = Number(options.batch);
const fineTune = Number(options['fine-tune']);
const isPhotos = options.photos || fineTune > 0;
const { network, config } = isPhotos ? photos() : fromImages();
const parameters = initialParameters(network, 1);
const state = { ...parameters, ...initialSlots(parameters, network, config) };
const inputs = isPhotos ? headInputs(network, fineTune) : { images: network.input };
const shapes = {
  ...Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, shape])),
  ...Object.fromEntries(Object.entries(inputs).map(([name, shape]) => [name, [batch, ...shape]])),
  targets: [batch, network.classes],
  rate: [],
  branchRate: [],
  correction1: [],
  correction2: [],
};
const model = trace(trainStep(network, config), shapes);
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-profile-'));
const session = await ort.InferenceSession.create(model.bytes, {
  intraOpNumThreads: Number(options.threads),
  enableProfiling: true,
  profileFilePrefix: join(folder, 'profile'),
});
const feeds = Object.fromEntries(
  session.inputNames.map((name) => {
    const shape: readonly number[] = shapes[name.slice('in:'.length) as keyof typeof shapes];
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const given = state[name.slice('in:'.length)]?.values;
    return [name, new ort.Tensor('float32', given ?? values.map((_, i) => Math.sin(i)), shape)];
  }),
);
for (let i = 0; i < 1 + Number(options.steps); i++) await session.run(feeds);
session.endProfiling();
const events: Event[] = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'));
rmSync(folder, { recursive: true });

// The first run allocates its memory: it is left out.
const secondRun = events.filter(({ name }) => name === 'model_run').sort((a, b) => a.ts - b.ts)[1].ts;
const kernels = events.filter(
  ({ cat, name, ts }) => cat === 'Node' && name.endsWith('_kernel_time') && ts >= secondRun,
);
const total = kernels.reduce((sum, { dur }) => sum + dur, 0);
const perStep = (us: number): string => (us / 1000 / Number(options.steps)).toFixed(1);
const byOperator = new Map<string, { count: number; dur: number }>();
for (const { dur, args } of kernels) {
  const { count = 0, dur: before = 0 } = byOperator.get(args.op_name!) ?? {};
  byOperator.set(args.op_name!, { count: count + 1, dur: before + dur });
}
console.log(`${network.name}, batch ${batch}, ${options.threads} threads: ${perStep(total)} ms a step in kernels\n`);
console.log(
  table(
    [
      ['operator', 'nodes', 'ms', 'share'],
      ...[...byOperator]
        .sort(([, a], [, b]) => b.dur - a.dur)
        .slice(0, 16)
        .map(([op, { count, dur }]) => [
          op,
          String(count / Number(options.steps)),
          perStep(dur),
          `${((100 * dur) / total).toFixed(1)} %`,
        ]),
    ],
    [1, 2, 3],
  ),
);
for (const op of options.nodes) {
  const longest = new Map<string, { dur: number; shape: string }>();
  for (const { name, dur, args } of kernels.filter((event) => event.args.op_name === op)) {
    const shape = JSON.stringify(args.input_type_shape).replaceAll('"', '').replaceAll('float:', '');
    longest.set(name, { dur: (longest.get(name)?.dur ?? 0) + dur, shape });
  }
  console.log(`\n${op}`);
  for (const [name, { dur, shape }] of [...longest].sort(([, a], [, b]) => b.dur - a.dur).slice(0, 12)) {
    console.log(`${perStep(dur).padStart(8)} ms  ${name.replace('_kernel_time', '')}  ${shape}`);
  }
}

function fromImages() {
  const input: [number, number, number] = options.network === 'lenet' ? [28, 28, 1] : [32, 32, 3];
  return { network: createNetwork(options.network, input, 10), config: resolveConfig({}) };
}

function photos() {
  const config = newRunConfig({ recipe: 'photos', options: { fineTune } });
  return trainingStages({ config, network: networkOf(config, [224, 224, 3], 5) })[0];
}
