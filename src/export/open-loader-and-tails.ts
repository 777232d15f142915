import { pathToFileURL } from 'node:url';
import { importLoader } from '../bundle/import-loader.js';
import { BUNDLE_FILES } from '../bundle/manifest.js';
import { readBundle } from '../bundle/read-bundle.js';
import type { BundleEnds } from './check-bundle.js';
import { openTailModel } from './open-tail-model.js';

/**
 * Opens both ends of a bundle on disk for its check: its loader, which runs the branch and says what the edge is sent, and
 * its tail.
 *
 * @param floatTail the tail in float32, for what is sent before it is encoded
 */
export async function openEnds(
  folder: string,
  floatTail: Uint8Array,
): Promise<{ ends: BundleEnds; wasm: Uint8Array<ArrayBuffer>; close(): Promise<void> }> {
  const { manifest, files } = readBundle(folder);
  const { file, shape } = manifest.tail;
  const tail = await openTailModel(files.get(file)!, shape, manifest.tail);
  const floats = await openTailModel(floatTail, shape);
  let asked: Awaited<ReturnType<BundleEnds['edge']>> | undefined;
  const { load } = await importLoader(folder, manifest);
  const model = await load(pathToFileURL(`${folder}/`), {
    tau: 0, // no entropy is below it: every image goes to the edge
    timeoutMs: Number.POSITIVE_INFINITY,
    edge: async (sent) => {
      asked = { sent, logits: await tail.infer(sent, 1) };
      return asked.logits;
    },
  });
  const ends: BundleEnds = {
    branch: (image, exit) => model.branch(image, exit + 1),
    edge: async (image) => {
      asked = undefined;
      const { edgeError } = await model.classify(image);
      return asked ?? Promise.reject(new Error(edgeError));
    },
    floatTail: (shared) => floats.infer(shared, 1),
  };
  return {
    ends,
    wasm: new Uint8Array(files.get(model.simd ? BUNDLE_FILES.simd : BUNDLE_FILES.scalar)!),
    close: async () => {
      await tail.close();
      await floats.close();
    },
  };
}
