// Models in LiteRT.js (XNNPACK with relaxed SIMD, one thread); bundled for the page.

import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

let loaded: Promise<unknown> | undefined;

async function compile(url: string) {
  loaded ??= loadLiteRt('/litert/');
  await loaded;
  return loadAndCompile(url, { accelerator: 'wasm' });
}

/** Compiles a model. Returns a function that runs it once on random values and reads the answer back. */
export async function liteRtRun(url: string, shape: readonly number[]): Promise<() => Promise<unknown>> {
  const model = await compile(url);
  const length = shape.reduce((product, size) => product * size, 1);
  const image = new Tensor(
    Float32Array.from({ length }, () => Math.random() * 2 - 1),
    [...shape],
  );
  return () => answersOf(model, image);
}

/** Compiles a model. Returns a function that runs it on the values of an image and reads the answer back. */
export async function liteRtModel(
  url: string,
  shape: readonly number[],
): Promise<(values: Float32Array) => Promise<unknown>> {
  const model = await compile(url);
  return async (values) => {
    const image = new Tensor(values, [...shape]);
    const answers = await answersOf(model, image);
    image.delete();
    return answers;
  };
}

async function answersOf(model: Awaited<ReturnType<typeof compile>>, image: Tensor): Promise<unknown> {
  const outputs = await model.run(image);
  const answers = outputs.map((output) => output.toTypedArray());
  for (const output of outputs) output.delete();
  return answers;
}
