import sharp from 'sharp';
import { normal, type Random, random } from '../../src/base/random.js';
import type { BundleDraft } from '../../src/bundle/write-bundle.js';
import { type BundleInfo, generateBundle } from '../../src/codegen/generate-bundle.js';
import type { ConstantLayout, DeviceProgram } from '../../src/export/program.js';
import { createGraph } from '../../src/onnx/graph.js';

const SIZE = 28;
const LABELS = ['bars', 'box', 'cross', 'disc', 'dots', 'hill', 'ring', 'slope', 'waves', 'wedge'];

/**
 * A bundle with the shapes of LeNet and random weights, made by hand: it answers nonsense, but at both ends of the wire
 * and the same nonsense everywhere. About half of its images exit at the branch.
 */
export async function lenetBundle(changes: Partial<BundleInfo> = {}, seed = 1): Promise<BundleDraft> {
  const samples = await Promise.all(
    LABELS.map(async (label, i) => ({ label, png: await encodePng(grayImage(random(seed, i))) })),
  );
  return generateBundle(lenetProgram(seed), {
    name: 'lenet-by-hand',
    network: 'lenet',
    dataset: 'noise',
    input: { shape: [SIZE, SIZE, 1], mean: [0.3], std: [0.3] },
    labels: LABELS,
    tau: 0.55,
    tail: { model: linearTail(seed), input: 'shared', output: 'logits' },
    samples,
    provenance: { lcdnn: 'test' },
    ...changes,
  });
}

/** Pixel values of an image with some structure: a few waves. */
export function grayImage(next: Random): Uint8Array {
  const waves = Array.from({ length: 3 }, () => [normal(next) / 4, normal(next) / 4, next() * 6, 30 + 60 * next()]);
  return Uint8Array.from({ length: SIZE * SIZE }, (_, i) => {
    const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
    const sum = waves.reduce((all, [across, down, phase, height]) => all + height * Math.sin(x * across + y * down + phase), 100);
    return Math.max(0, Math.min(255, sum));
  });
}

export function encodePng(pixels: Uint8Array): Promise<Buffer> {
  return sharp(pixels, { raw: { width: SIZE, height: SIZE, channels: 1 } }).png().toBuffer();
}

/** conv 20@5x5, pool | sign, binary conv 50@5x5 with K and PReLU, pool, sign, binary fc 500, affine, fc 10. */
export function lenetProgram(seed: number): DeviceProgram {
  const next = random(seed);
  const floats = (length: number, spread: number, mean = 0): ConstantLayout => ({
    kind: 'f32',
    values: Float32Array.from({ length }, () => mean + spread * normal(next)),
  });
  const bits = (rows: number, channels: number, pixels: number): ConstantLayout => {
    const rowBytes = Math.ceil(channels / 8) * pixels;
    // The bits that fill a pixel's last byte are 0.
    const mask = (byte: number) => ((byte + 1) % Math.ceil(channels / 8) === 0 && channels % 8 ? (1 << (channels % 8)) - 1 : 255);
    const bytes = Uint8Array.from({ length: rows * rowBytes }, (_, i) => (next() * 256) & mask(i % rowBytes));
    return { kind: 'bits', rows, rowBytes, bytes };
  };
  const constants: Record<string, ConstantLayout> = {
    'shared.conv1.kernel': floats(500, 0.2),
    'shared.conv1.bias': floats(20, 0.1),
    'branch.bn1.scale': floats(20, 0.1, 1),
    'branch.bn1.shift': floats(20, 0.3, -1),
    'branch.conv2.kernel': bits(50, 20, 25),
    'branch.conv2.scale': floats(50, 0.005, 0.05),
    'branch.conv2.shift': floats(50, 0.1),
    'branch.conv2.slope': floats(50, 0.1, 0.2),
    'branch.bn3.scale': floats(50, 0.1, 1),
    'branch.bn3.shift': floats(50, 0.3, -0.5),
    'branch.fc1.kernel': bits(500, 800, 1),
    'branch.fc1.scale': floats(500, 0.005, 0.03),
    'branch.fc1.shift': floats(500, 0.1),
    'branch.fc1.slope': floats(500, 0.1, 0.2),
    'branch.fc2.kernel': floats(5000, 0.15),
    'branch.fc2.bias': floats(10, 0.1),
  };
  const at = (arena: number) => ({ arena });
  const c = (constant: string) => ({ constant });
  // Places in the arena: the shared output keeps its own, the others are reused.
  const [input, shared, conv1, packed, sums, pooled, hidden, logits] = [0, 3136, 14656, 14656, 15104, 27904, 14656, 31104];
  return {
    arenaBytes: 14656 + 46080,
    constants,
    input: { arena: input, length: 784 },
    shared: { arena: shared, length: 2880, shape: [12, 12, 20] },
    logits: { arena: logits, length: 10 },
    calls: [
      { kernel: 'conv2d_f32', args: [at(input), c('shared.conv1.kernel'), c('shared.conv1.bias'), at(conv1), 28, 28, 1, 20, 5, 1, 0, 0, 24, 24] },
      { kernel: 'max_pool_f32', args: [at(conv1), at(shared), 24, 24, 20, 2, 2, 12, 12] },
      { kernel: 'sign_pack', args: [at(shared), c('branch.bn1.scale'), c('branch.bn1.shift'), at(packed), 2880, 20, 20] },
      { kernel: 'binary_conv2d', args: [at(packed), c('branch.conv2.kernel'), null, c('branch.conv2.scale'), c('branch.conv2.shift'), c('branch.conv2.slope'), at(sums), 12, 12, 20, 50, 5, 1, 0, 0, 8, 8] },
      { kernel: 'max_pool_f32', args: [at(sums), at(pooled), 8, 8, 50, 2, 2, 4, 4] },
      { kernel: 'sign_pack', args: [at(pooled), c('branch.bn3.scale'), c('branch.bn3.shift'), at(packed), 800, 50, 800] },
      { kernel: 'binary_dense', args: [at(packed), c('branch.fc1.kernel'), null, c('branch.fc1.scale'), c('branch.fc1.shift'), c('branch.fc1.slope'), at(sums), 800, 500] },
      { kernel: 'dense_f32', args: [at(sums), c('branch.fc2.kernel'), c('branch.fc2.bias'), at(logits), 500, 10] },
    ].map((call) => call as DeviceProgram['calls'][number]),
  };
}

/** A tail of one dense layer: [batch, 12, 12, 20] to [batch, 10]. */
export function linearTail(seed: number): Uint8Array {
  const next = random(seed, 7);
  const graph = createGraph();
  const shared = graph.input('shared', 'float32', ['batch', 12, 12, 20]);
  const rows = graph.node('Reshape', [shared, graph.integers([-1, 2880])]);
  const weights = graph.floats(Float32Array.from({ length: 28_800 }, () => 0.03 * normal(next)), [2880, 10]);
  graph.output('logits', graph.node('MatMul', [rows, weights]), 'float32', ['batch', 10]);
  return graph.encode('tail');
}
