import { join } from 'node:path';
import { random } from '../../src/base/random.js';
import { readMeasuredCurve } from '../../src/bundle/measured-curve.js';
import { type Bundle, readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { tailModel } from '../../src/export/float-model.js';
import { type Encoding, imageEncoding } from '../../src/export/uplink/encoding.js';
import { inferRequest } from '../../test/infer-request.js';
import { buildCase, NETWORK_CASES, type NetworkCase } from '../browser/network-cases.js';

/** A network's tail, and the full network as a tail of its own that is sent the image. */
export interface EdgeCase {
  readonly title: string;
  /** Of the bundles. */
  readonly folders: readonly string[];
  readonly tail: Bundle;
  readonly full: Bundle;
  /** Share of the images that clients answer alone, where it was measured. */
  readonly exits?: number;
}

/**
 * Writes the bundles of a network with random weights.
 *
 * @param title as in NETWORK_CASES
 * @param uplink whether tensors travel as bytes, which is what export usually chooses, or as floats
 */
export async function edgeCase(title: string, folder: string, uplink: 'u8' | 'f32'): Promise<EdgeCase> {
  const { bundle, network, state } = buildCase(caseOf((one) => one.title === title));
  const { manifest } = bundle;
  const write = async (name: string, shape: readonly number[], encoding: Encoding): Promise<string> => {
    const path = join(folder, `${manifest.name}-${name}`);
    const tail = { ...manifest.tail, shape: [...shape], ...encoding };
    // One server has both bundles, and entry points would be two models of one name.
    const { entries: _, ...rest } = manifest;
    const files = new Map(bundle.files).set(tail.file, tailModel(network, state, encoding));
    await writeBundle(path, { manifest: { ...rest, name: `${manifest.name}-${name}`, tail }, files });
    return path;
  };
  const channels = manifest.tail.shape.at(-1)!;
  const bytes: Encoding = { datatype: 'UINT8', scale: Array<number>(channels).fill(1 / 64) };
  const folders = [
    await write('tail', manifest.tail.shape, uplink === 'u8' ? bytes : {}),
    await write('full', network.input, imageEncoding(manifest.input)),
  ];
  const [tail, full] = folders.map(readBundle);
  return { title, folders, tail, full };
}

/**
 * A bundle of a trained run as it is, with the exit ratio that its validation images had at its τ. Beside it stands the full
 * network with random weights, which take the same time.
 */
export async function trainedCase(path: string, folder: string): Promise<EdgeCase> {
  const tail = readBundle(path);
  const { name, network, input, tau } = tail.manifest;
  const { title } = caseOf((one) => one.network === network && `${one.input}` === `${input.shape}`);
  const measured = readMeasuredCurve(tail.files)?.curve.filter((point) => point.tau <= [tau].flat().at(-1)!);
  const random = await edgeCase(title, folder, 'u8');
  return {
    title: name,
    folders: [path, random.folders[1]],
    tail,
    full: random.full,
    exits: measured?.at(-1)?.exitRatio,
  };
}

function caseOf(fits: (one: NetworkCase) => boolean): NetworkCase {
  const found = NETWORK_CASES.find(fits);
  if (!found) throw new Error(`expected one of ${NETWORK_CASES.map(({ title }) => title)}, found another network`);
  return found;
}

function imageSize({ manifest }: Bundle): number {
  return manifest.tail.shape.reduce((all, length) => all * length, 1);
}

/** A request of so many images. */
export function question(bundle: Bundle, images: number, parameters?: object) {
  const next = random(1);
  const bytes = bundle.manifest.tail.datatype === 'UINT8';
  const length = images * imageSize(bundle);
  const values = bytes ? Uint8Array.from({ length }, () => 256 * next()) : Float32Array.from({ length }, next);
  return { values, ...inferRequest(bundle.manifest, values, parameters) };
}
