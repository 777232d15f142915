import { join } from 'node:path';
import { random } from '../../src/base/random.js';
import { type Bundle, readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { inferRequest } from '../../test/infer-request.js';
import { buildCase, NETWORK_CASES } from '../browser/network-cases.js';

/** A network's tail, and the full network as a tail of its own that is sent the image. */
export interface EdgeCase {
  readonly title: string;
  /** Of the bundles. */
  readonly folders: readonly string[];
  readonly tail: Bundle;
  readonly full: Bundle;
}

/** Writes the bundles of a network with random weights. @param title as in NETWORK_CASES */
export async function edgeCase(title: string, folder: string): Promise<EdgeCase> {
  const network = NETWORK_CASES.find((one) => one.title === title)!;
  const { bundle, full } = buildCase(network);
  const folders = ['tail', 'full'].map((name) => join(folder, `${bundle.manifest.name}-${name}`));
  await writeBundle(folders[0], bundle);
  const { manifest } = bundle;
  await writeBundle(folders[1], {
    manifest: {
      ...manifest,
      name: `${manifest.name}-full`,
      tail: { ...manifest.tail, shape: [...network.input] },
    },
    files: new Map(bundle.files).set(manifest.tail.file, full),
  });
  const [tailBundle, fullBundle] = folders.map(readBundle);
  return { title, folders, tail: tailBundle, full: fullBundle };
}

export function imageSize({ manifest }: Bundle): number {
  return manifest.tail.shape.reduce((all, length) => all * length, 1);
}

/** A request of so many images. */
export function question(bundle: Bundle, images: number, parameters?: object) {
  const values = Float32Array.from({ length: images * imageSize(bundle) }, random(1));
  return { values, ...inferRequest(bundle.manifest, values, parameters) };
}
