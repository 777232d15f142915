const WARM_UP_MS = 500;
const PROFILE_MS = 3000;

/**
 * The steps of a branch, and the memory of its module: a model is loaded with each of its kernels' calls timed. A call may be
 * shorter than the clock's step, so its time is the mean of many runs.
 *
 * @param load the loader's function, and `base`, its first argument
 */
export async function profile(load, base, image) {
  const steps = [];
  let memory;
  let call = 0;
  const timed =
    (name, kernel) =>
    (...args) => {
      const start = performance.now();
      const result = kernel(...args);
      steps[call] ??= { kernel: name.replace('lcdnn_', ''), milliseconds: 0 };
      steps[call++].milliseconds += performance.now() - start;
      return result;
    };
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (module, imports) => {
    const { exports } = await instantiate.call(WebAssembly, module, imports);
    memory = exports.memory;
    const wrapped = Object.entries(exports).map(([name, value]) => [
      name,
      typeof value === 'function' ? timed(name, value) : value,
    ]);
    return { exports: Object.fromEntries(wrapped) };
  };
  const model = await load(base, { edge: false, worker: false });
  WebAssembly.instantiate = instantiate;
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) await model.branch(image);
  steps.length = 0;
  let runs = 0;
  for (const end = performance.now() + PROFILE_MS; performance.now() < end; runs++) {
    call = 0;
    await model.branch(image);
  }
  model.dispose();
  for (const step of steps) step.milliseconds /= runs;
  return { steps, memoryBytes: memory.buffer.byteLength };
}
