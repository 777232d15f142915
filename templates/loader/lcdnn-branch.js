// The branch: runs the model's program on the WebAssembly kernels. The Worker's script contains this code; a page imports it if it
// has no Worker, and so does Node. It is the same for all models.

import { memoryOf } from './parts/memory.js';
import { toInput } from './parts/to-input.js';

/**
 * @returns a function of an image and of bounds that runs exit after exit, until one has an entropy below its bound; it gives
 *   the outputs of the last exit that ran, and its number from 1
 */
export async function openBranch({ program, module, weights, manifest }) {
  const { exports: kernels } = await WebAssembly.instantiate(module, {});
  const device = createDevice(kernels, parseWeights(weights, program.hash), program, manifest);
  return (image, bounds) => {
    const input = toInput(device.memory(), image, manifest.input);
    for (let exit = 1; ; exit++) {
      const outputs = device.run(exit - 1, input);
      if (exit === bounds.length || outputs.entropy < bounds[exit - 1]) return { outputs, exit };
    }
  };
}

/**
 * The branch in this thread: run(image, bounds), and end(reason), after which it refuses.
 *
 * @param readImage the function of that name in parts/read-image.js
 */
export async function branchHere(opening, readImage) {
  const { input } = opening.manifest;
  let branch = await openBranch(opening);
  return {
    run(image, bounds) {
      const seen = readImage(image, input);
      // Pixels are read now, before the caller can change them.
      return seen.then ? seen.then((bitmap) => branch(bitmap, bounds)) : branch(seen, bounds);
    },
    end(reason) {
      branch = () => {
        throw reason;
      };
    },
  };
}

/** Places constants, arena and probabilities in memory behind the kernels' own data, and runs the program there. */
function createDevice(kernels, tensor, program, { labels: { length: classes }, entropyTemperature = 1 }) {
  const { reserve, bytesAt, floatsAt, keep } = memoryOf(kernels);

  // The floats of all constants, in their order. Stored are the lowest byte of each, then the next one, ..., at last the highest.
  const planes = tensor('floats', 4 * program.floats);
  const all = new Float32Array(planes.map((_, i) => planes[(i % 4) * program.floats + (i >> 2)]).buffer);
  let read = 0;
  const floats = (length) => {
    read += length;
    return all.subarray(read - length, read);
  };

  const addresses = {};
  for (const [name, size] of Object.entries(program.constants)) {
    if (typeof size === 'number') {
      addresses[name] = reserve(4 * size);
      floatsAt(addresses[name], size).set(floats(size));
    } else if (Array.isArray(size)) {
      // Weights of 1 or 8 bits: brought from the order in which they are stored to the order that this build of the kernels reads.
      const [kernel, bytes, ...shape] = size;
      addresses[name] = reserve(kernels[`lcdnn_prepared_${kernel}_bytes`](...shape));
      const release = keep();
      const stored = reserve(bytes);
      bytesAt(stored, bytes).set(tensor(name, bytes));
      kernels[`lcdnn_prepare_${kernel}`](stored, addresses[name], ...shape);
      release();
    } else {
      // Whole steps, each multiplied by its scale.
      addresses[name] = reserve(4 * size.steps);
      const steps = new Int8Array(tensor(name, size.steps).slice().buffer);
      const scales = floats(size.scales);
      const values = floatsAt(addresses[name], size.steps);
      for (let i = 0; i < size.steps; i++) values[i] = steps[i] * scales[Math.floor(i / size.each) % size.scales];
    }
  }
  const arena = reserve(program.arenaBytes);
  const probabilitiesAt = reserve(4 * classes);

  const address = (argument) => (Array.isArray(argument) ? arena + argument[0] : (addresses[argument] ?? argument));
  const stages = program.stages.map(({ calls, ...outputs }) => {
    const bound = calls.map(([kernel, ...given]) => [kernels[`lcdnn_${kernel}`], given.map(address)]);
    return { bound, ...outputs };
  });

  // Runs the stage that leads to an exit, counted from 0. It continues from what earlier stages left in the arena.
  const run = (exit, values) => {
    if (exit === 0) floatsAt(arena + program.input, values.length).set(values);
    const { bound, shared, sharedLength, logits } = stages[exit];
    for (const [kernel, given] of bound) kernel(...given);
    const found = floatsAt(arena + logits, classes).slice();
    const softmax = (from) => kernels.lcdnn_softmax_entropy(from, probabilitiesAt, classes);
    // Only the entropy depends on the temperature: the probabilities are computed from the logits themselves.
    floatsAt(probabilitiesAt, classes).set(found.map((logit) => logit / entropyTemperature));
    const entropy = softmax(probabilitiesAt);
    softmax(arena + logits);
    return {
      logits: found,
      probabilities: floatsAt(probabilitiesAt, classes).slice(),
      entropy,
      shared: floatsAt(arena + shared, sharedLength).slice(),
    };
  };
  // Space for one image at a time, behind everything that stays.
  const release = keep();
  const memory = () => {
    release();
    return { kernels, reserve, bytesAt, floatsAt };
  };
  return { run, memory };
}

/** Reads safetensors: a length, a JSON header, the data. @returns tensor(name, bytes), which checks what it returns */
function parseWeights(bytes, hash) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = 8 + Number(bytes.length < 8 ? Infinity : view.getBigUint64(0, true));
  if (start > bytes.length) throw new Error(`weights.safetensors: expected a header, found ${bytes.length} bytes`);
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  } catch {}
  const found = header?.__metadata__?.program ?? hash;
  if (found !== hash) {
    throw new Error(`weights.safetensors: expected weights for program ${hash}, found ${found}; reload the page`);
  }
  return (name, size) => {
    const entry = header?.[name];
    const [from, to] = entry?.data_offsets ?? [];
    if (from >= 0 && to - from === size && start + to <= bytes.length) {
      return bytes.subarray(start + from, start + to);
    }
    const what = entry ? `${to - from} bytes` : 'no such tensor';
    throw new Error(`weights.safetensors: expected ${size} bytes of ${name}, found ${what}`);
  };
}
