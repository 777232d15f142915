import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import sharp from 'sharp';
import { UserError } from '../base/errors.js';
import { exitsOf, oneOrList } from '../base/exits.js';
import { readFileOrExplain } from '../base/files.js';
import { BUNDLE_FILES, LICENCES_FILE, MANIFEST_FILE, type Manifest, manifestSchema } from '../bundle/manifest.js';
import type { MeasuredCurve } from '../bundle/measured-curve.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { generateBundle } from '../codegen/generate-bundle.js';
import { evaluationBatches } from '../datasets/batches.js';
import { evenSample, indicesByClass } from '../datasets/even-sample.js';
import { bytesOf, type ImageShape, openPixels } from '../datasets/pixels.js';
import { imagesToMeasureOn, splitTrainValidation } from '../datasets/split.js';
import { type CheckResult, checkBundle } from '../export/check-bundle.js';
import { checkEntryParts } from '../export/check-entry-parts.js';
import { entryParts, entryPoints } from '../export/entry-points.js';
import { TAIL_INPUT, TAIL_OUTPUT, tailModel } from '../export/float-model.js';
import { lowerBranch } from '../export/lower.js';
import { openLoaderAndTails } from '../export/open-loader-and-tails.js';
import type { Uplink } from '../export/uplink/encoding.js';
import { measureUplink, type UplinkReport } from '../export/uplink/measure.js';
import type { LabelledImage } from '../export/uplink/trial.js';
import { isModelName, licenceNotice, pretrainedModel } from '../models/catalog.js';
import { writeAbout } from '../provenance/about-folder.js';
import { modelCard } from '../provenance/model-card.js';
import { collectProvenance } from '../provenance/provenance.js';
import { readDataRecord } from '../run/data-record.js';
import { readExitRule, readResult, type Tuned } from '../run/results.js';
import type { Run } from '../run/run-directory.js';
import { entropies } from '../tau/entropy.js';
import { type MeasureOptions, openTrained, type Trained } from './open-trained.js';
import { dataRecord } from './run-data.js';
import { VERSION } from './version.js';

/** Training images that a finished bundle is checked on; fewer if they are large. */
const CHECK_IMAGES = { most: 256, least: 16, bytes: 64e6 };
/** Test images from which the demo's samples are chosen. */
const SAMPLED_IMAGES = 1000;
/** Classes with samples in the demo; fewer if images are large, to keep the page small. */
const SAMPLED_CLASSES = { most: 12, bytes: 2e6 };
const SAMPLES_OF_CLASS = 2;

/** Validation images for measuring the uplink's accuracy, and for its ranges and sizes. */
const MEASURED_IMAGES = { most: 5000, least: 16, bytes: 1e9 };
const SIZED_IMAGES = CHECK_IMAGES;

export interface ExportOptions {
  /** Folder of the bundle. */
  readonly out: string;
  /** Name of the model on the edge server. Default: `NETWORK-DATASET`. */
  readonly name?: string;
  /** What devices send to the edge. Default, `auto`: the smallest of f32, f16 and u8 that keeps the accuracy. */
  readonly uplink?: Uplink | 'auto';
  /** Licence of the model for its model card: `mit`, `apache-2.0`, ... */
  readonly licence?: string;
  /** File with the licence text of the network that the run started from. The bundle gets a copy. */
  readonly licenceFile?: string;
  /** Address of the edge server for the manifest: a URL, or a path such as `/ml/`. */
  readonly edge?: string;
}

/** What a current browser fetches before the branch can answer. It fetches one of the three builds of the kernels. */
const FIRST_VISIT = [
  BUNDLE_FILES.loader,
  'lcdnn-worker.js',
  BUNDLE_FILES.relaxedSimd,
  BUNDLE_FILES.weights,
  MANIFEST_FILE,
];

/** A bundle that was written. */
export interface ExportResult {
  readonly manifest: Manifest;
  /** What a page downloads before it can answer, compressed with brotli. */
  readonly downloadBytes: number;
  /** Measurements behind the choice of the uplink. */
  readonly uplink: UplinkReport;
  /** How far the bundle's answers are from the trainer's. */
  readonly check: CheckResult;
}

/**
 * Writes the web bundle of a run: loader, WebAssembly, packed weights, demo page and the tail for the edge server. It is
 * checked against the trainer first; a bundle that disagrees isn't kept.
 *
 * @throws UserError if τ isn't tuned yet, the name isn't valid, or the folder holds something else; the signal's reason
 *   if it is aborted, and then no bundle is written
 */
export async function exportWeb(run: string, options: ExportOptions & MeasureOptions): Promise<ExportResult> {
  return exportTrained(await openTrained(run, options), options);
}

/** `exportWeb` for a run that is already open. */
export async function exportTrained(trained: Trained, options: ExportOptions): Promise<ExportResult> {
  if (options.name !== undefined && !manifestSchema.shape.name.safeParse(options.name).success) {
    throw new UserError(`--name: expected lower-case letters, digits and hyphens, found ${options.name}`);
  }
  const { run, dataset, state } = trained;
  if (run.network.branch.length === 0) {
    throw new UserError(`${run.path}: expected a run with a branch for the browser, found a network alone`);
  }
  const rule = readExitRule(run);
  if (rule === undefined) {
    throw new UserError(`${run.path}: expected a tuned threshold, found none; run "lcdnn tune-tau ${run.path}" first`);
  }
  const input: Manifest['input'] = {
    shape: [...dataset.shape],
    mean: [...dataset.mean],
    std: [...dataset.std],
    resize: dataset.resize,
  };
  const { encoding, report } = await measureUplink(
    {
      ...{ network: run.network, state, input },
      program: lowerBranch(run.network, state),
      wasm: new Uint8Array(readFileSync(new URL(`../../kernels/prebuilt/${BUNDLE_FILES.simd}`, import.meta.url))),
      knownImages: () => knownImages(trained, MEASURED_IMAGES),
      sampleImages: () => knownImages(trained, SIZED_IMAGES),
    },
    options.uplink ?? 'auto',
  );
  const program = lowerBranch(run.network, state, encoding.from);
  const model = tailModel(run.network, state, encoding);
  const name = options.name ?? `${run.config.network}-${run.config.dataset}`;
  const parts = entryParts(run.network, input, encoding);
  const entries = entryPoints(parts, run.network, state, name);
  const draft = generateBundle(program, {
    name,
    network: run.config.network,
    dataset: run.config.dataset,
    edge: options.edge,
    input,
    labels: [...dataset.labels],
    tau: oneOrList(rule.taus),
    entropyTemperature: rule.entropyTemperature === 1 ? undefined : rule.entropyTemperature,
    measured: readMeasured(run),
    tail: { model, input: TAIL_INPUT, output: TAIL_OUTPUT, ...encoding },
    ...entries,
    samples: await demoSamples(trained, rule.entropyTemperature),
    licences: requiredLicences(run, options.licenceFile),
    provenance: {
      ...{ lcdnn: VERSION, seed: run.config.seed, epochs: run.config.epochs },
      uplink: report,
    },
  });
  const images = await checkImages(trained);
  let check: CheckResult | undefined;
  const manifest = await writeBundle(options.out, draft, async (folder) => {
    const { bundle, wasm, close } = await openLoaderAndTails(
      folder,
      tailModel(run.network, state, { from: encoding.from }),
    );
    check = await trained.answers((trainer) => checkBundle(program, wasm, bundle, images, trainer, encoding));
    const models = [...entries.entryModels.values()];
    await checkEntryParts(bundle, parts, models, images.slice(0, CHECK_IMAGES.least));
    await close();
  });
  const downloadBytes = FIRST_VISIT.reduce(
    (sum, file) => sum + brotliCompressSync(readFileSync(join(options.out, file))).length,
    0,
  );
  describeBundle(trained, options, manifest, downloadBytes);
  return { manifest, downloadBytes, uplink: report, check: check! };
}

/** The licence of the network that a run started from: the given text, or the catalogue's. */
function requiredLicences({ config: { initFrom } }: Run, file: string | undefined): string | undefined {
  if (file !== undefined) return readFileOrExplain(file, 'a licence text').toString('utf8');
  return initFrom !== undefined && isModelName(initFrom) ? licenceNotice(pretrainedModel(initFrom)) : undefined;
}

/** Writes provenance and model card beside the bundle. */
function describeBundle(
  { run, dataset }: Trained,
  { out, uplink = 'auto', licence }: ExportOptions,
  manifest: Manifest,
  downloadBytes: number,
): void {
  const data = readDataRecord(run) ?? dataRecord(dataset, run.config);
  const provenance = collectProvenance({ version: VERSION, run, data, manifest, bundle: out, uplink });
  const card = modelCard({
    ...{ provenance, downloadBytes, licence, network: run.network.name, classNames: dataset.labels },
    image: dataset.shape,
    tested: readResult(run, 'test'),
    licenceFile: LICENCES_FILE in manifest.files ? LICENCES_FILE : undefined,
  });
  writeAbout(out, manifest.files, provenance, card);
}

/** The number of images that fit into the limit. */
function imagesWithin({ most, least, bytes }: typeof CHECK_IMAGES, shape: ImageShape): number {
  return Math.min(most, Math.max(least, Math.floor(bytes / (4 * bytesOf(shape)))));
}

/** An even sample of the images that τ was tuned on, normalised: for validation, or all for training if none are kept. */
async function* knownImages({ run, dataset }: Trained, limit: typeof CHECK_IMAGES): AsyncGenerator<LabelledImage> {
  const { train, shape } = dataset;
  const split = splitTrainValidation(train, run.config.validation, run.config.seed);
  const indices = Int32Array.from(evenSample([...imagesToMeasureOn(split)], imagesWithin(limit, shape)));
  for await (const { images, labels } of evaluationBatches(dataset, train, 1, indices)) {
    yield { image: images, label: labels[0] };
  }
}

/** The threshold curve of the last exit. */
function readMeasured(run: Run): MeasuredCurve {
  const tuned = readResult(run, 'tau')!;
  return { full: tuned.full, curve: [...exitsOf<Pick<Tuned, 'curve'>>(tuned).at(-1)!.curve] };
}

/** Normalised training images, equally many of each class. */
async function checkImages({ dataset }: Trained): Promise<Float32Array[]> {
  const { train, shape, labels } = dataset;
  const most = imagesWithin(CHECK_IMAGES, shape);
  const indices = Int32Array.from(evenSample(indicesByClass(train.labels, labels.length).flat(), most));
  const images: Float32Array[] = [];
  for await (const batch of evaluationBatches(dataset, train, 1, indices)) images.push(batch.images.slice());
  return images;
}

/**
 * For each class, or some of many, its first test image and one that the last branch is least sure of, so that the edge
 * has work. As PNG of the size that images are stored in: the loader cuts out of it what was evaluated.
 */
async function demoSamples(
  { dataset, evaluate }: Trained,
  entropyTemperature: number,
): Promise<{ png: Uint8Array; label: string }[]> {
  const { test, stored, labels } = dataset;
  const [height, width, channels] = stored;
  const fitting = Math.floor(SAMPLED_CLASSES.bytes / (SAMPLES_OF_CLASS * bytesOf(stored)));
  const most = Math.min(SAMPLED_CLASSES.most, Math.max(1, fitting));
  const withImages = indicesByClass(test.labels, labels.length).filter((indices) => indices.length > 0);
  const classes = evenSample(withImages, most).map((indices) => evenSample(indices, Math.ceil(SAMPLED_IMAGES / most)));
  const sampled = Int32Array.from(classes.flat());
  const { branches } = await evaluate((logitsOf) => logitsOf(test, sampled));
  const inOrder = entropies(branches[branches.length - 1], labels.length, entropyTemperature);
  const unsure = new Map(Array.from(sampled, (index, i) => [index, inOrder[i]]));
  const indices = classes.flatMap((own) => {
    const leastSure = own.reduce((found, index) => (unsure.get(index)! > unsure.get(found)! ? index : found));
    return [...new Set([own[0], leastSure])];
  });
  const reader = openPixels(test.pixels, stored);
  const samples: { png: Uint8Array; label: string }[] = [];
  for (const index of indices) {
    const image = new Uint8Array(bytesOf(stored));
    await reader.read(index, image);
    const png = await sharp(image, { raw: { width, height, channels: channels as 1 | 3 } })
      .png()
      .toBuffer();
    samples.push({ png, label: labels[test.labels[index]] });
  }
  await reader.close();
  return samples;
}
