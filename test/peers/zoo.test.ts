import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { checkImport } from '../../src/api/check-import.js';
import { InferenceSession, Tensor } from '../../src/base/onnxruntime.js';
import { chainModel, TAIL_INPUT, TAIL_OUTPUT } from '../../src/export/float-model.js';
import { attachmentNames, jointNetwork } from '../../src/network/branch.js';
import { isBranch, type JointNetwork } from '../../src/network/layers.js';
import { placeLayers } from '../../src/network/shapes.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { initialParameters } from '../../src/train/initial-state.js';
import { importGraph } from '../../src/train/onnx-graph/import-graph.js';
import { readSource, type Source } from '../../src/train/warm-start/source.js';
import { warmStart } from '../../src/train/warm-start/warm-start.js';

/**
 * Networks of torchvision and timm with random weights, exported by torch.onnx: imported by name and from their graphs, they
 * compute what PyTorch computes. LCDNN_ZOO_PYTHON is a Python with torch, torchvision, timm, onnx, onnxscript and safetensors.
 */
const PYTHON = process.env['LCDNN_ZOO_PYTHON'];
const SCRIPT = fileURLToPath(new URL('export_zoo.py', import.meta.url));
const isReady = PYTHON !== undefined && spawnSync(PYTHON, ['-c', 'import torchvision, timm, onnx']).status === 0;
if (!isReady)
  console.warn('networks of torchvision and timm are not compared: LCDNN_ZOO_PYTHON is no Python with both');

/** Names there and here, and the sizes of images. */
const NETWORKS: readonly (readonly [theirs: string, ours: string, sizes: readonly number[]])[] = [
  ['resnet18', 'resnet18', [224, 96, 64]],
  ['resnet34', 'resnet34', [224, 96, 64]],
  ['resnet50', 'resnet50', [224, 96, 64]],
  ['resnet152', 'resnet152', [224, 96, 64]],
  ['mobilenet_v2', 'mobilenet-v2', [224, 96, 64]],
  ['efficientnet_lite0', 'efficientnet-lite0', [224, 96, 64]],
  ['tf_efficientnet_lite0', 'tf-efficientnet-lite0', [224, 96, 64]],
  ['vgg16_bn', 'vgg16-bn', [224]],
];
const cases = NETWORKS.flatMap(([theirs, ours, sizes]) =>
  sizes.flatMap((size) =>
    (['torchscript', 'dynamo'] as const).map((exporter) => [theirs, ours, size, exporter] as const),
  ),
);

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-zoo-'));
const rows: string[] = [];
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (rows.length > 0)
    console.log(['network, size, exporter: safetensors, ONNX by name, ONNX graph', ...rows].join('\n'));
});

it.skipIf(!isReady).each(cases)('%s as %s at %i pixels, exported by %s', { timeout: 600_000 }, async (...given) => {
  const [theirs, ours, size, exporter] = given;
  execFileSync(PYTHON!, [SCRIPT, folder, theirs, `${size}`, exporter], { stdio: 'ignore' });
  const stem = join(folder, `${theirs}-${size}-${exporter}`);
  const { image, logits } = JSON.parse(readFileSync(`${stem}.json`, 'utf8')) as Record<'image' | 'logits', number[]>;
  const input: JointNetwork['input'] = [size, size, 3];
  const named = createNetwork(ours, input, 1000, { form: 'large' });
  const graph = await importGraph(`${stem}.onnx`, input);
  const attach = attachmentNames(graph.layers)[0];
  const read = jointNetwork('graph', input, 1000, graph.layers, { attach });
  const differences: number[] = [];
  const sources: [JointNetwork, Source][] = [
    [named, readSource(`${stem}.safetensors`)],
    [named, readSource(`${stem}.onnx`)],
    [read, graph.source],
  ];
  for (const [network, source] of sources) {
    differences.push(await difference(network, source, Float32Array.from(image), logits));
  }
  rows.push(`${theirs}, ${size}, ${exporter}: ${differences.map((value) => value.toExponential(1)).join(', ')}`);
  for (const value of differences) expect(value).toBeLessThan(1e-4);
  const state = initialParameters(read, 1);
  warmStart(state, read, graph.source);
  const check = await checkImport(`${stem}.onnx`, read, state, new Float32Array(), graph);
  expect(check.difference).toBeLessThan(1e-4);
  rmSync(`${stem}.onnx`);
  rmSync(`${stem}.safetensors`);
});

/** Largest difference of the logits from PyTorch's, as a share of the largest one. */
async function difference(network: JointNetwork, source: Source, image: Float32Array, logits: readonly number[]) {
  const state = initialParameters(network, 1);
  const { missing, leftOver } = warmStart(state, network, source);
  expect([missing, leftOver]).toEqual([[], []]);
  const trunk = placeLayers(network).filter(({ part }) => !isBranch(part));
  const session = await InferenceSession.create(chainModel(state, trunk, network.name), { logSeverityLevel: 3 });
  const found = await session.run({ [TAIL_INPUT]: new Tensor('float32', image, [1, ...network.input]) });
  await session.release();
  const got = found[TAIL_OUTPUT].data as Float32Array;
  const largest = Math.max(...logits.map(Math.abs));
  return Math.max(...logits.map((value, i) => Math.abs(value - got[i]))) / largest;
}
