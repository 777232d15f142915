import { readFileSync } from 'node:fs';
import { TAIL_FILE } from '../../bundle/manifest.js';
import type { Bundle } from '../../bundle/read-bundle.js';
import { completeManifest } from '../../bundle/write-bundle.js';
import { TAIL_INPUT, TAIL_OUTPUT } from '../../export/float-model.js';
import { BASELINE_FILES, type Baseline, baselineFiles, baselineModule } from '../approaches/baseline.js';
import { FILES_PATH } from './host-messages.js';

/** A hosted approach. Approaches that are identical share one contender, which is measured once. */
export interface Contender {
  /** Lower-case letters, digits and hyphens. */
  readonly id: string;
  /** Short description of what runs where. */
  readonly plan: string;
  /** Path of the page's module on the host. A relative one is in the folder of LcDNN's bundle. */
  readonly module: string;
  /** Argument of the module's `load`. */
  readonly options: object;
  /** Files beside the module that the page requests together with it, as with hints in its head. */
  readonly hints?: readonly string[];
  /** The user's file that it runs, to name it if its page fails. */
  readonly origin?: string;
  /** Its part on the edge, if any. */
  readonly edge?: Bundle;
  /** Its files on the host, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A .tflite model of the full network. Its accuracy isn't known. */
export interface LiteRtModel {
  readonly approach: 'litert' | 'litert-int8';
  readonly path: string;
  readonly model: Uint8Array;
}

/** A baseline, hosted under an id. */
export function baselineContender(id: string, baseline: Baseline): Contender {
  const module = Buffer.from(baselineModule(baseline, id, { input: TAIL_INPUT, output: TAIL_OUTPUT }));
  const files = new Map<string, Uint8Array>([[`${id}/baseline.js`, module]]);
  const device = baselineFiles(baseline).get(BASELINE_FILES.device);
  if (device) files.set(`${id}/${BASELINE_FILES.device}`, device);
  return {
    id,
    plan: baseline.facts.plan,
    module: `${FILES_PATH}${id}/baseline.js`,
    options: {},
    ...(baseline.edge ? { edge: edgeBundle(id, baseline) } : {}),
    files,
  };
}

const LITERT_MODULE = readFileSync(new URL('../../../templates/measure/litert.js', import.meta.url));

/**
 * A model in LiteRT.js.
 *
 * @param runtime files of LiteRT.js (`liteRtFiles`)
 */
export function liteRtContender(
  { approach: id, path, model }: LiteRtModel,
  runtime: ReadonlyMap<string, Uint8Array>,
): Contender {
  return {
    id,
    origin: path,
    plan: `all on the device, ${id === 'litert-int8' ? 'in 8 bits, ' : ''}in LiteRT.js`,
    module: `${FILES_PATH}${id}/litert.js`,
    options: {},
    files: new Map([
      [`${id}/litert.js`, LITERT_MODULE],
      [`${id}/model.tflite`, model],
      ...Array.from(runtime, ([path, bytes]) => [`litert-runtime/${path}`, bytes] as const),
    ]),
  };
}

/** What the edge server needs to serve a baseline: a tail, and one label per output value. */
function edgeBundle(id: string, { facts, edge }: Baseline): Bundle {
  const [height, width, channels] = facts.input;
  const { input: shape, output, ...encoding } = facts.edge!;
  const files = new Map([[TAIL_FILE, Buffer.from(edge!)]]);
  const outputs = output.reduce((all, size) => all * size, 1);
  const manifest = completeManifest({
    manifest: {
      name: id,
      network: facts.network,
      dataset: 'none',
      input: { shape: [height, width, channels], mean: Array(channels).fill(0), std: Array(channels).fill(1) },
      tail: { file: TAIL_FILE, shape, input: TAIL_INPUT, output: TAIL_OUTPUT, ...encoding },
      labels: Array.from({ length: outputs }, (_, i) => String(i)),
      tau: 0,
      provenance: {},
    },
    files,
  });
  return { manifest, files };
}
