import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { Args, Flags } from '@oclif/core';
import sharp from 'sharp';
import { UserError } from '../base/errors.js';
import { importLoader } from '../bundle/import-loader.js';
import { BUNDLE_FILES, MANIFEST_FILE, manifestSchema } from '../bundle/manifest.js';
import { readBundle } from '../bundle/read-bundle.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { generateBundle } from '../codegen/generate-bundle.js';
import { evaluationBatches } from '../datasets/batches.js';
import { bytesOf, openPixels } from '../datasets/pixels.js';
import { openTail } from '../edge/tail.js';
import { type CheckResult, checkBundle, type Expected } from '../export/check-bundle.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT } from '../export/float-model.js';
import { lowerBranch } from '../export/lower.js';
import { readResult } from '../run/results.js';
import { entropies } from '../tau/entropy.js';
import { fileSize } from '../terminal/format.js';
import { openTrained, type Trained } from '../terminal/open-trained.js';
import { LcdnnCommand } from './base-command.js';

/** Images that a finished bundle is checked on: the first of the training split. */
const CHECK_IMAGES = 256;
/** Test images that the demo's samples are taken from. */
const LOOKED_AT = 1000;

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
    const tau = readResult(run, 'tau')?.tau;
    if (tau === undefined) {
      throw new UserError(
        `${args.run}: expected a tuned threshold, found none; run "lcdnn tune-tau ${args.run}" first`,
      );
    }
    const program = lowerBranch(run.network, state);
    const tail = { model: floatModel(run.network, state, ['full']), input: TAIL_INPUT, output: TAIL_OUTPUT };
    const draft = generateBundle(program, {
      name: flags.name ?? `${run.config.network}-${run.config.dataset}`,
      network: run.config.network,
      dataset: run.config.dataset,
      input: { shape: [...dataset.shape], mean: [...dataset.mean], std: [...dataset.std] },
      labels: [...dataset.labels],
      tau,
      tail,
      samples: await demoSamples(trained),
      provenance: { lcdnn: this.config.version, seed: run.config.seed, epochs: run.config.epochs },
    });
    const expected = await trainersAnswers(trained);
    let check: CheckResult | undefined;
    const manifest = await writeBundle(flags.out, draft, async (folder) => {
      const bundle = readBundle(folder);
      const { load } = await importLoader(folder, bundle.manifest);
      const model = await load(pathToFileURL(`${folder}/`), { edge: false });
      const openedTail = await openTail(bundle);
      check = await checkBundle(
        program,
        { branch: (image) => model.branch(image), tail: (shared) => openedTail.infer(shared, 1) },
        expected,
      );
      await openedTail.close();
    });
    const fetched = [BUNDLE_FILES.loader, BUNDLE_FILES.simd, BUNDLE_FILES.weights, MANIFEST_FILE];
    const downloadBytes = fetched.reduce(
      (sum, file) => sum + brotliCompressSync(readFileSync(join(flags.out, file))).length,
      0,
    );
    this.log(
      `${flags.out}: ${manifest.name} ${manifest.version}, a page fetches ${fileSize(downloadBytes)} (brotli); ` +
        `checked on ${check?.images} images: branch within ${check?.largestBranchError.toExponential(1)}, ` +
        `full within ${check?.largestFullError.toExponential(1)}, ${check?.flipped} with a rounded sign`,
    );
    this.log(`next: ${this.config.bin} serve ${flags.out}`);
    return { bundle: flags.out, name: manifest.name, version: manifest.version, tau, downloadBytes, check };
  }
}

async function trainersAnswers({ dataset, evaluate }: Trained): Promise<Expected> {
  const count = Math.min(CHECK_IMAGES, dataset.train.count);
  const places = Int32Array.from({ length: count }, (_, i) => i);
  const { full, branch } = await evaluate((logitsOf) => logitsOf(dataset.train, places));
  const { value: batch } = await evaluationBatches(dataset, dataset.train, count, places).next();
  return { count, images: batch.images.slice(), branch, full };
}

/** For every class its first test image and one that the branch is least sure of, so that the edge has work; as PNG. */
async function demoSamples({ dataset, evaluate }: Trained): Promise<{ png: Uint8Array; label: string }[]> {
  const { test, stored, labels } = dataset;
  const [height, width, channels] = stored;
  const reader = openPixels(test.pixels, stored);
  const looked = Array.from({ length: Math.min(LOOKED_AT, test.count) }, (_, i) => i);
  const { branch } = await evaluate((logitsOf) => logitsOf(test, Int32Array.from(looked)));
  const unsure = entropies(branch, labels.length);
  const places = labels.flatMap((_, label) => {
    const own = looked.filter((i) => test.labels[i] === label);
    const least = [...own].sort((a, b) => unsure[b] - unsure[a]);
    return [...new Set([...own.slice(0, 1), ...least.slice(0, 1)])];
  });
  const pngOf = async (place: number): Promise<Uint8Array> => {
    const image = new Uint8Array(bytesOf(stored));
    await reader.read(place, image);
    return sharp(image, { raw: { width, height, channels: channels as 1 | 3 } })
      .png()
      .toBuffer();
  };
  return Promise.all(
    places.map(async (place) => ({
      label: labels[test.labels[place]],
      png: await pngOf(place),
    })),
  );
}
