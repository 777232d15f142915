import { pathToFileURL } from 'node:url';
import { importLoader } from '../bundle/import-loader.js';
import { BUNDLE_FILES } from '../bundle/manifest.js';
import { readBundle } from '../bundle/read-bundle.js';
import type { LoaderAndTails } from './check-bundle.js';
import { openTailModel } from './open-tail-model.js';

/**
 * Opens a bundle on disk for its check: its loader, which runs the branch and decides what the edge receives, and its tail.
 *
 * @param floatTail the tail in float32, which reads the values before they are encoded
 */
export async function openLoaderAndTails(
  folder: string,
  floatTail: Uint8Array,
): Promise<{ bundle: LoaderAndTails; wasm: Uint8Array<ArrayBuffer>; close(): Promise<void> }> {
  const { manifest, files } = readBundle(folder);
  const { file, shape } = manifest.tail;
  const tail = await openTailModel(files.get(file)!, shape, manifest.tail);
  const floats = await openTailModel(floatTail, shape);
  let answer: Awaited<ReturnType<LoaderAndTails['edge']>> | undefined;
  const { load } = await importLoader(folder, manifest);
  const model = await load(pathToFileURL(`${folder}/`), {
    tau: 0, // no entropy is below 0: every image goes to the edge
    timeoutMs: Number.POSITIVE_INFINITY,
    edge: async (sent) => {
      answer = { sent, logits: await tail.infer(sent, 1) };
      return answer.logits;
    },
  });
  const bundle: LoaderAndTails = {
    branch: (image, exit) => model.branch(image, exit + 1),
    edge: async (image) => {
      answer = undefined;
      const { edgeError } = await model.classify(image);
      return answer ?? Promise.reject(new Error(edgeError));
    },
    floatTail: (shared) => floats.infer(shared, 1),
  };
  return {
    bundle,
    wasm: new Uint8Array(files.get(kernelsOf(model))!),
    close: async () => {
      await tail.close();
      await floats.close();
    },
  };
}

/** The build of the kernels on which a loaded model runs. */
function kernelsOf({ simd, relaxedSimd }: { simd: boolean; relaxedSimd: boolean }): string {
  if (!simd) return BUNDLE_FILES.scalar;
  return relaxedSimd ? BUNDLE_FILES.relaxedSimd : BUNDLE_FILES.simd;
}
