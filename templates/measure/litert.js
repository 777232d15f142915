// A .tflite model in LiteRT.js, one thread. It has the interface of lcdnn.js as far as the benchmark uses it, so both are measured
// by the same page.

const RUNTIME = new URL('../litert-runtime/', import.meta.url);

/** Downloads LiteRT.js and the model side by side, and compiles the model. */
export async function load() {
  const read = async (url) => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
  const [{ loadAndCompile, loadLiteRt, Tensor }, bytes] = await Promise.all([
    import(new URL('core.js', RUNTIME)),
    read(new URL('model.tflite', import.meta.url)),
  ]);
  await loadLiteRt(new URL('wasm/', RUNTIME).href);
  const model = await loadAndCompile(bytes, { accelerator: 'wasm' });
  const shape = [...model.getInputDetails()[0].shape];

  /** An image of normalised values, NHWC. */
  const classify = async (image) => {
    const length = shape.reduce((all, size) => all * size, 1);
    if (image.length !== length) {
      throw new Error(`expected a model for an image of ${image.length} values, found one for ${shape.join('x')}`);
    }
    const started = performance.now();
    const given = new Tensor(image, shape);
    const outputs = await model.run(given);
    const values = outputs[0].toTypedArray();
    const index = values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
    for (const tensor of [given, ...outputs]) tensor.delete();
    return {
      index,
      by: 'device',
      times: { branchMs: performance.now() - started, edgeMs: 0 },
      bytes: { sent: 0, received: 0 },
    };
  };
  return { classify };
}
