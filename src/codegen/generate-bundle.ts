import { readFileSync } from 'node:fs';
import { BUNDLE_FILES, type ManifestDraft } from '../bundle/manifest.js';
import { CURVE_FILE, type MeasuredCurve, printMeasuredCurve } from '../bundle/measured-curve.js';
import type { BundleDraft } from '../bundle/write-bundle.js';
import { type DeviceProgram, stagesOf } from '../export/program.js';
import { compact, printLoader } from './print-program.js';
import { encodeWeights } from './weights.js';

const TAIL_FILE = 'edge/tail.onnx';
/** The demo page: an example to copy from. No other file of the bundle needs it. */
const DEMO_FILES = ['index.html', 'demo.js', 'demo.css', 'drawing.js', 'history.js', 'panel.js'];
const SERVICE_WORKER = 'service-worker.js';

/** What a bundle contains besides the device program. */
export interface BundleInfo extends Omit<ManifestDraft, 'tail'> {
  /** The rest of the full network as ONNX: [batch, ...shape of what is sent] (NHWC) to logits [batch, classes]. */
  readonly tail: Omit<ManifestDraft['tail'], 'file' | 'shape'> & { readonly model: Uint8Array };
  /** Accuracy with other thresholds, for the edge server. */
  readonly measured?: MeasuredCurve;
  /** Images to try on the demo page, as PNG, with their true labels. */
  readonly samples: readonly { readonly png: Uint8Array; readonly label: string }[];
}

/** The files and the manifest of a bundle, for `writeBundle`. */
export function generateBundle(program: DeviceProgram, info: BundleInfo): BundleDraft {
  checkFit(program, info);
  const {
    samples,
    measured,
    tail: { model, ...tail },
    ...fields
  } = info;
  const files = new Map<string, Uint8Array>([
    [BUNDLE_FILES.loader, Buffer.from(printLoader(template(BUNDLE_FILES.loader).toString(), program))],
    ...[BUNDLE_FILES.edge, BUNDLE_FILES.stream].map((file) => [file, script(file)] as const),
    [BUNDLE_FILES.types, template(BUNDLE_FILES.types)],
    [BUNDLE_FILES.simd, prebuilt(BUNDLE_FILES.simd)],
    [BUNDLE_FILES.scalar, prebuilt(BUNDLE_FILES.scalar)],
    [BUNDLE_FILES.weights, encodeWeights(program.constants)],
    [BUNDLE_FILES.package, Buffer.from(packageJson(info.name))],
    [TAIL_FILE, model],
    [SERVICE_WORKER, template(SERVICE_WORKER)],
    ...DEMO_FILES.map((file) => [`demo/${file}`, template(file, 'demo')] as const),
  ]);
  if (measured) files.set(CURVE_FILE, Buffer.from(printMeasuredCurve(measured)));
  const listed = samples.map(({ png, label }, i) => {
    const file = `samples/${String(i).padStart(2, '0')}.png`;
    files.set(`demo/${file}`, png);
    return { file, label };
  });
  files.set('demo/samples.json', Buffer.from(JSON.stringify(listed)));
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

/** A package.json, so that a page can `import { load } from 'NAME'`. */
function packageJson(name: string): string {
  const { loader, types } = BUNDLE_FILES;
  const entry = { types: `./${types}`, default: `./${loader}` };
  const description = { name, version: '1.0.0', type: 'module', exports: { '.': entry, './*': './*' } };
  return `${JSON.stringify({ ...description, types: `./${types}` }, null, 2)}\n`;
}

function script(file: string): Buffer {
  return Buffer.from(compact(template(file).toString()));
}

function template(file: string, folder: 'loader' | 'demo' = 'loader'): Buffer {
  return readFileSync(new URL(`../../templates/${folder}/${file}`, import.meta.url));
}

function prebuilt(file: string): Buffer {
  return readFileSync(new URL(`../../kernels/prebuilt/${file}`, import.meta.url));
}
