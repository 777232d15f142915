import { readdirSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Args, Flags } from '@oclif/core';
import type { Classification, EdgeTensor, Model } from '../../templates/loader/lcdnn.js';
import { UserError } from '../base/errors.js';
import { percent, table } from '../base/format.js';
import { importLoader } from '../bundle/import-loader.js';
import { readBundle } from '../bundle/read-bundle.js';
import { readImage } from '../datasets/image.js';
import { openTail } from '../edge/tail.js';
import { LcdnnCommand } from './base-command.js';

const IMAGE_EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.avif', '.tif', '.tiff']);

type Prediction = { readonly file: string } & Omit<Classification, 'probabilities'> & {
    readonly probabilities: number[];
  };

export default class Predict extends LcdnnCommand {
  static override summary = 'Classify image files with a bundle, as a page would.';

  static override description =
    'Algorithm 3 from the bundle alone: its loader and WebAssembly run the branch; what the branch is unsure of goes ' +
    'through the rest of the network, in this process or on an edge server.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> --bundle my-bundle photo.jpg',
    '<%= config.bin %> <%= command.id %> --bundle my-bundle images/ --edge http://127.0.0.1:8080 --json',
  ];

  static override strict = false;

  static override args = {
    images: Args.string({ required: true, description: 'Image files, or folders of them.' }),
  };

  static override flags = {
    bundle: Flags.string({ required: true, summary: 'Folder that `lcdnn export` wrote.' }),
    edge: Flags.url({ summary: 'Edge server to ask, instead of running the rest of the network here.' }),
  };

  async run(): Promise<{ model: string; version: string; tau: Model['tau']; predictions: Prediction[] }> {
    const { argv, flags } = await this.parse(Predict);
    if (flags.edge && !/^https?:$/.test(flags.edge.protocol)) {
      throw new UserError(`--edge: expected an address that begins with http:// or https://, found ${flags.edge}`);
    }
    const bundle = readBundle(flags.bundle);
    const files = (argv as string[]).flatMap(imagesIn);
    const tail = flags.edge ? undefined : await openTail(bundle);
    const edge = flags.edge ?? ((sent: EdgeTensor) => tail!.infer(sent, 1));
    const { load } = await importLoader(flags.bundle, bundle.manifest);
    // In this process the rest of the network always answers, however long a large one takes.
    const timeoutMs = flags.edge ? undefined : Number.POSITIVE_INFINITY;
    const model = await load(pathToFileURL(`${resolve(flags.bundle)}/`), { edge, timeoutMs });
    const predictions: Prediction[] = [];
    for (const file of files) {
      const answer = await model.classify(await readImage(file));
      predictions.push({ file, ...answer, probabilities: Array.from(answer.probabilities) });
    }
    await tail?.close();
    this.log(table(rowsOf(predictions, Array.isArray(model.tau)), [2, 3]));
    const unanswered = predictions.find((prediction) => prediction.unsure);
    if (unanswered) this.logToStderr(`some images have the branch's answer only: ${unanswered.edgeError}`);
    const { name, version } = bundle.manifest;
    return { model: name, version, tau: model.tau, predictions };
  }
}

/** The file itself, or the images of a folder by name. */
function imagesIn(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const images = readdirSync(path).filter((name) => IMAGE_EXTENSIONS.has(extname(name).toLowerCase()));
  if (images.length === 0) throw new UserError(`${path}: expected images (.png, .jpg, .webp, ...), found none`);
  return images.sort().map((name) => join(path, name));
}

function rowsOf(predictions: readonly Prediction[], severalExits: boolean): string[][] {
  const rows = predictions.map(({ file, label, index, probabilities, entropy, by, exit, unsure }) => [
    file,
    label,
    percent(probabilities[index]),
    entropy.toFixed(4),
    `${by}${severalExits && exit ? ` ${exit}` : ''}${unsure ? ' (unsure)' : ''}`,
  ]);
  return [['file', 'label', 'probability', 'entropy', 'by'], ...rows];
}
