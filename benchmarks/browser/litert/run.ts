// Models in LiteRT.js (XNNPACK with relaxed SIMD, one thread); bundled for the page.

import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

let loaded: Promise<unknown> | undefined;

/** Compiles a model. Returns a function that runs it once on random values and reads the answer back. */
export async function liteRtRun(url: string, shape: readonly number[]): Promise<() => Promise<unknown>> {
  loaded ??= loadLiteRt('/litert/');
  await loaded;
  const model = await loadAndCompile(url, { accelerator: 'wasm' });
  const length = shape.reduce((product, size) => product * size, 1);
  const image = new Tensor(
    Float32Array.from({ length }, () => Math.random() * 2 - 1),
    [...shape],
  );
  return async () => {
    const outputs = await model.run(image);
    const answers = outputs.map((output) => output.toTypedArray());
    for (const output of outputs) output.delete();
    return answers;
  };
}
