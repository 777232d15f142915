import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Classification, EdgeTensor, Model } from '../../templates/loader/lcdnn.js';
import { messageOf, UserError } from '../base/errors.js';
import { importLoader } from '../bundle/import-loader.js';
import { readBundle } from '../bundle/read-bundle.js';
import { readImage } from '../datasets/image.js';
import { fileKind } from '../datasets/image-folder/file-kinds.js';
import { walk } from '../datasets/image-folder/walk.js';
import { openTail } from '../edge/tail.js';
import { edgeInJson } from './edge-in-json.js';

/** The answer to one image. */
export interface Prediction extends Omit<Classification, 'probabilities'> {
  /** Path of the image. */
  readonly file: string;
  /** Of each class, from 0 to 1. */
  readonly probabilities: readonly number[];
}

export interface PredictOptions {
  /** Address of an edge server. By default the rest of the network runs in this process. */
  readonly edge?: string | URL;
  /** Aborting ends the prediction before the next image; it then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after every image. */
  readonly onImages?: (done: number, total: number) => void;
}

export interface Predictions {
  readonly model: string;
  readonly version: string;
  /** The exit threshold, or one for each of several exits. */
  readonly tau: Model['tau'];
  readonly predictions: readonly Prediction[];
  /** Images of a folder, or of several files, that can't be used, and why. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Classifies images with a bundle, as a page does (Algorithm 3 of the paper): the bundle's own loader and WebAssembly run
 * the branch, and images that the branch is unsure of go through the rest of the network.
 *
 * @param images image files, or folders of them
 * @throws UserError if the bundle is damaged, no image can be read, or a folder holds no images
 */
export async function predict(
  bundle: string,
  images: readonly string[],
  { edge, signal, onImages }: PredictOptions = {},
): Promise<Predictions> {
  const opened = readBundle(bundle);
  const files = images.flatMap(imagesIn);
  const tail = edge === undefined ? await openTail(opened) : undefined;
  try {
    const { load } = await importLoader(bundle, opened.manifest);
    const model = await load(pathToFileURL(`${resolve(bundle)}/`), {
      edge: tail ? (sent: EdgeTensor) => tail.infer(sent, 1) : ((await edgeInJson(edge!, opened.manifest)) ?? edge),
      // In this process the rest of the network always answers, however long a large one takes.
      timeoutMs: tail ? Number.POSITIVE_INFINITY : undefined,
    });
    const predictions: Prediction[] = [];
    const skipped: { file: string; reason: string }[] = [];
    for (const [i, file] of files.entries()) {
      signal?.throwIfAborted();
      const image = await readImage(file).catch((thrown: unknown) => {
        if (!(thrown instanceof UserError) || files.length === 1) throw thrown;
        skipped.push({ file, reason: messageOf(thrown).replace(`${file}: `, '') });
      });
      onImages?.(i + 1, files.length);
      if (!image) continue;
      const answer = await model.classify(image);
      predictions.push({ file, ...answer, probabilities: Array.from(answer.probabilities) });
    }
    if (predictions.length === 0) {
      throw new UserError(`expected an image that can be used, found none in ${files.length} files; ${first(skipped)}`);
    }
    const { name, version } = opened.manifest;
    return { model: name, version, tau: model.tau, predictions, skipped };
  } finally {
    await tail?.close();
  }
}

/** The file itself, or the images of a folder and of the folders inside it, in the order of their names. */
function imagesIn(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const images = walk(path).files.filter((name) => fileKind(name) === 'image');
  if (images.length === 0) throw new UserError(`${path}: expected images (.png, .jpg, .webp, ...), found none`);
  return images.map((name) => join(path, name));
}

const first = ([skipped]: Predictions['skipped']): string => `${skipped.file}: ${skipped.reason}`;
