import { sha256 } from '../base/hash.js';
import { BUNDLE_FILES, LICENCES_FILE, type ManifestDraft, TAIL_FILE } from '../bundle/manifest.js';
import { CURVE_FILE, type MeasuredCurve, printMeasuredCurve } from '../bundle/measured-curve.js';
import type { BundleDraft } from '../bundle/write-bundle.js';
import { type DeviceProgram, isPrepared, stagesOf } from '../export/program.js';
import { compact, template, withParts } from './loader-scripts.js';
import { printLoader, programHash } from './print-program.js';
import { pruneKernels } from './prune-kernels.js';
import { encodeWeights } from './weights.js';

/** The demo page: an example to copy from. No other file of the bundle needs it. */
const DEMO_FILES = ['index.html', 'demo.js', 'demo.css', 'drawing.js', 'feature-maps.js', 'history.js', 'panel.js'];
/** Keeps a bundle for use offline. */
const SERVICE_WORKER = 'service-worker.js';
/** Scripts of the loader beside `lcdnn.js`. Bundles of version 0.1 have only the first two. */
const SCRIPTS = [
  BUNDLE_FILES.edge,
  BUNDLE_FILES.stream,
  'lcdnn-worker.js',
  'lcdnn-branch.js',
  'lcdnn-first.js',
  'lcdnn-resize.js',
  'lcdnn-static.js',
];

/** What a bundle contains besides the device program. */
export interface BundleInfo extends Omit<ManifestDraft, 'tail'> {
  /** The rest of the full network as ONNX: [batch, ...shape of what is sent] (NHWC) to logits [batch, classes]. */
  readonly tail: Omit<ManifestDraft['tail'], 'file' | 'shape'> & { readonly model: Uint8Array };
  /** ONNX models of the entry points besides the tail, by their path. */
  readonly entryModels?: ReadonlyMap<string, Uint8Array>;
  /** Accuracy with other thresholds, for the edge server. */
  readonly measured?: MeasuredCurve;
  /** Licences that must accompany the weights, as text. */
  readonly licences?: string;
  /** Images to try on the demo page, as PNG, with their true labels. */
  readonly samples: readonly { readonly png: Uint8Array; readonly label: string }[];
}

/** The files and the manifest of a bundle, for `writeBundle`. */
export function generateBundle(program: DeviceProgram, info: BundleInfo): BundleDraft {
  checkFit(program, info);
  const {
    samples,
    measured,
    licences,
    entryModels = [],
    tail: { model, ...tail },
    ...fields
  } = info;
  const used = usedKernels(program);
  const files = new Map<string, Uint8Array>([
    [BUNDLE_FILES.loader, Buffer.from(printLoader(withParts(BUNDLE_FILES.loader), program, info.name))],
    ...SCRIPTS.map((file) => [file, Buffer.from(compact(withParts(file)))] as const),
    [BUNDLE_FILES.types, template(BUNDLE_FILES.types)],
    ...[BUNDLE_FILES.relaxedSimd, BUNDLE_FILES.simd, BUNDLE_FILES.scalar].map(
      (file) => [file, pruneKernels(file, (kernel) => used.has(kernel))] as const,
    ),
    [BUNDLE_FILES.weights, encodeWeights(program.constants, { program: programHash(program) })],
    [TAIL_FILE, model],
    ...entryModels,
    [SERVICE_WORKER, template(SERVICE_WORKER)],
    ...DEMO_FILES.map((file) => [`demo/${file}`, template(file, 'demo')] as const),
  ]);
  if (licences !== undefined) files.set(LICENCES_FILE, Buffer.from(licences));
  if (measured) files.set(CURVE_FILE, Buffer.from(printMeasuredCurve(measured)));
  const listed = samples.map(({ png, label }, i) => {
    const file = `samples/${String(i).padStart(2, '0')}.png`;
    files.set(`demo/${file}`, png);
    return { file, label };
  });
  files.set('demo/samples.json', Buffer.from(JSON.stringify(listed)));
  files.set(BUNDLE_FILES.package, Buffer.from(packageJson(info, files)));
  const { shape } = stagesOf(program).at(-1)!.shared;
  return { manifest: { ...fields, tail: { file: TAIL_FILE, shape: [...shape], ...tail } }, files };
}

/** Throws if the program and its description contradict each other: a bug, found before anything is written. */
function checkFit(program: DeviceProgram, { input, labels, tau }: BundleInfo): void {
  const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);
  const stages = stagesOf(program);
  const taus = [tau].flat().length;
  if (taus !== stages.length) throw new Error(`tau: expected ${taus} exits, the program has ${stages.length}`);
  const sizes = [
    ['input', program.input, product(input.shape)] as const,
    ...stages.flatMap(({ shared, logits }) => [
      ['shared', shared, product(shared.shape)] as const,
      ['logits', logits, labels.length] as const,
    ]),
  ];
  for (const [name, region, length] of sizes) {
    if (region.length !== length)
      throw new Error(`${name}: expected ${length} values, the program has ${region.length}`);
    if (region.arena % 16 !== 0 || region.arena + 4 * length > program.arenaBytes) {
      throw new Error(`${name}: at ${region.arena}, which is not aligned to 16 or runs out of the arena`);
    }
  }
}

/**
 * Makes the folder a package: `import { load } from 'NAME'`. Its version changes with the model, so that caches of package managers
 * and bundlers notice a new export.
 */
function packageJson(
  { name, tau, entropyTemperature, labels, input }: BundleInfo,
  files: ReadonlyMap<string, Uint8Array>,
): string {
  const { loader, types } = BUNDLE_FILES;
  const hashes = [...files].map(([path, bytes]) => [path, sha256(bytes)]);
  const content = sha256(JSON.stringify([name, tau, entropyTemperature, labels, input, hashes])).slice(0, 12);
  const entry = (file: string) => ({ types: `./${types}`, node: `./${file}`, default: `./${file}` });
  const description = {
    name,
    version: `1.0.0-model.h${content}`,
    description: `The model ${name}, exported by lcdnn`,
    type: 'module',
    main: `./${loader}`,
    types: `./${types}`,
    exports: { '.': entry(loader), './static': entry('lcdnn-static.js'), './*': './*' },
    sideEffects: ['./lcdnn-worker.js', `./${SERVICE_WORKER}`, './demo/*'],
  };
  return `${JSON.stringify(description, null, 2)}\n`;
}

/** Kernels that the loader calls for every model: they resize images, and compute the probabilities and their entropy. */
const LOADER_KERNELS = ['shrink_rgba', 'filter_rows', 'filter_columns', 'softmax_entropy'];

/** The exports of the kernels that a page with this program calls. */
function usedKernels(program: DeviceProgram): ReadonlySet<string> {
  const called = stagesOf(program).flatMap(({ calls }) => calls.map(({ kernel }) => kernel));
  const prepared = Object.values(program.constants).filter(isPrepared);
  const preparing = prepared.flatMap(({ kernel }) => [`prepared_${kernel}_bytes`, `prepare_${kernel}`]);
  return new Set([...LOADER_KERNELS, ...called, ...preparing].map((name) => `lcdnn_${name}`));
}
