import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { Args, Flags } from '@oclif/core';
import sharp from 'sharp';
import { UserError } from '../base/errors.js';
import { exitsOf, oneOrList } from '../base/exits.js';
import { importLoader } from '../bundle/import-loader.js';
import { BUNDLE_FILES, MANIFEST_FILE, manifestSchema } from '../bundle/manifest.js';
import type { MeasuredCurve } from '../bundle/measured-curve.js';
import { readBundle } from '../bundle/read-bundle.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { generateBundle } from '../codegen/generate-bundle.js';
import { evaluationBatches } from '../datasets/batches.js';
import { bytesOf, openPixels } from '../datasets/pixels.js';
import { evenly, placesByClass } from '../datasets/spread.js';
import { openTail } from '../edge/tail.js';
import { type BundleEnds, type CheckResult, checkBundle } from '../export/check-bundle.js';
import { TAIL_INPUT, TAIL_OUTPUT, tailModel } from '../export/float-model.js';
import { lowerBranch } from '../export/lower.js';
import { readResult, readTaus, type Tuned } from '../run/results.js';
import type { Run } from '../run/run-directory.js';
import { entropies } from '../tau/entropy.js';
import { fileSize } from '../terminal/format.js';
import { openTrained, type Trained } from '../terminal/open-trained.js';
import { LcdnnCommand } from './base-command.js';

/** Training images that a finished bundle is checked on: fewer where they are large. */
const CHECK_IMAGES = { most: 256, least: 16, bytes: 64e6 };
/** Test images that the demo's samples are taken from. */
const LOOKED_AT = 1000;
/** Classes that the demo has samples of: fewer where images are large, for the page to stay small. */
const SAMPLED_CLASSES = { most: 12, bytes: 2e6 };
const SAMPLES_OF_CLASS = 2;

export default class Export extends LcdnnCommand {
  static override summary =
    'Write a web bundle: loader, WebAssembly, packed weights, demo page, and the tail for the edge.';
  static override description =
    'The bundle is checked against the trainer before it takes its name; one that disagrees is not kept.';
  static override examples = ['<%= config.bin %> <%= command.id %> runs/mnist --target web --out bundles/mnist'];
  static override args = { run: Args.string({ required: true, description: 'Run directory.' }) };
  static override flags = {
    target: Flags.option({ summary: 'What to write.', options: ['web'] as const, default: 'web' })(),
    out: Flags.string({ summary: 'Folder of the bundle.', required: true }),
    name: Flags.string({ summary: 'Name of the model on the edge server. [default: NETWORK-DATASET]' }),
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set.' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Export);
    if (flags.name !== undefined && !manifestSchema.shape.name.safeParse(flags.name).success) {
      throw new UserError(`--name: expected lower-case letters, digits and hyphens, found ${flags.name}`);
    }
    const trained = await openTrained(args.run, flags['data-dir']);
    const { run, dataset, state } = trained;
    const taus = readTaus(run);
    if (taus === undefined) {
      throw new UserError(
        `${args.run}: expected a tuned threshold, found none; run "lcdnn tune-tau ${args.run}" first`,
      );
    }
    const tau = oneOrList(taus);
    const program = lowerBranch(run.network, state);
    const tail = { model: tailModel(run.network, state), input: TAIL_INPUT, output: TAIL_OUTPUT };
    const draft = generateBundle(program, {
      name: flags.name ?? `${run.config.network}-${run.config.dataset}`,
      network: run.config.network,
      dataset: run.config.dataset,
      input: { shape: [...dataset.shape], mean: [...dataset.mean], std: [...dataset.std], resize: dataset.resize },
      labels: [...dataset.labels],
      tau,
      measured: readMeasured(run),
      tail,
      samples: await demoSamples(trained),
      provenance: { lcdnn: this.config.version, seed: run.config.seed, epochs: run.config.epochs },
    });
    const images = await checkImages(trained);
    let check: CheckResult | undefined;
    const manifest = await writeBundle(flags.out, draft, async (folder) => {
      const bundle = readBundle(folder);
      const { load } = await importLoader(folder, bundle.manifest);
      const model = await load(pathToFileURL(`${folder}/`), { edge: false });
      const openedTail = await openTail(bundle);
      const ends: BundleEnds = {
        branch: (image, exit) => model.branch(image, exit + 1),
        tail: (shared) => openedTail.infer(shared, 1),
      };
      const wasm = new Uint8Array(bundle.files.get(model.simd ? BUNDLE_FILES.simd : BUNDLE_FILES.scalar)!);
      check = await trained.answers((trainer) => checkBundle(program, wasm, ends, images, trainer));
      await openedTail.close();
    });
    const fetched = [BUNDLE_FILES.loader, BUNDLE_FILES.simd, BUNDLE_FILES.weights, MANIFEST_FILE];
    const downloadBytes = fetched.reduce(
      (sum, file) => sum + brotliCompressSync(readFileSync(join(flags.out, file))).length,
      0,
    );
    this.log(
      `${flags.out}: ${manifest.name} ${manifest.version}, a page fetches ${fileSize(downloadBytes)} (brotli), ` +
        `runs in ${fileSize(check!.memoryBytes)} of memory; ` +
        `checked on ${check?.images} images: branch within ${check?.largestBranchError.toExponential(1)}, ` +
        `full within ${check?.largestFullError.toExponential(1)}; ${check?.rounded} with a sign that rounds to the other ` +
        `side here, ${check?.otherClass} of them to another class`,
    );
    this.log(`next: ${this.config.bin} serve ${flags.out}`);
    return { bundle: flags.out, name: manifest.name, version: manifest.version, tau, downloadBytes, check };
  }
}

/** The curve of the last exit. */
function readMeasured(run: Run): MeasuredCurve {
  const tuned = readResult(run, 'tau')!;
  return { full: tuned.full, curve: [...exitsOf<Pick<Tuned, 'curve'>>(tuned).at(-1)!.curve] };
}

/** Normalised training images, evenly of all classes. */
async function checkImages({ dataset }: Trained): Promise<Float32Array[]> {
  const { train, shape, labels } = dataset;
  const fitting = Math.floor(CHECK_IMAGES.bytes / (4 * bytesOf(shape)));
  const most = Math.min(CHECK_IMAGES.most, Math.max(CHECK_IMAGES.least, fitting));
  const places = Int32Array.from(evenly(placesByClass(train.labels, labels.length).flat(), most));
  const images: Float32Array[] = [];
  for await (const batch of evaluationBatches(dataset, train, 1, places)) images.push(batch.images.slice());
  return images;
}

/**
 * For each class, or some of many, its first test image and one that the last branch is least sure of, so that the edge
 * has work. As PNG of the size that images are stored in: the loader cuts out of it what was evaluated.
 */
async function demoSamples({ dataset, evaluate }: Trained): Promise<{ png: Uint8Array; label: string }[]> {
  const { test, stored, labels } = dataset;
  const [height, width, channels] = stored;
  const fitting = Math.floor(SAMPLED_CLASSES.bytes / (SAMPLES_OF_CLASS * bytesOf(stored)));
  const most = Math.min(SAMPLED_CLASSES.most, Math.max(1, fitting));
  const withImages = placesByClass(test.labels, labels.length).filter((places) => places.length > 0);
  const classes = evenly(withImages, most).map((places) => evenly(places, Math.ceil(LOOKED_AT / most)));
  const looked = Int32Array.from(classes.flat());
  const { branches } = await evaluate((logitsOf) => logitsOf(test, looked));
  const inOrder = entropies(branches[branches.length - 1], labels.length);
  const unsure = new Map(Array.from(looked, (place, i) => [place, inOrder[i]]));
  const places = classes.flatMap((own) => {
    const leastSure = own.reduce((found, place) => (unsure.get(place)! > unsure.get(found)! ? place : found));
    return [...new Set([own[0], leastSure])];
  });
  const reader = openPixels(test.pixels, stored);
  const samples: { png: Uint8Array; label: string }[] = [];
  for (const place of places) {
    const image = new Uint8Array(bytesOf(stored));
    await reader.read(place, image);
    const png = await sharp(image, { raw: { width, height, channels: channels as 1 | 3 } })
      .png()
      .toBuffer();
    samples.push({ png, label: labels[test.labels[place]] });
  }
  await reader.close();
  return samples;
}
