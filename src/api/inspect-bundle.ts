import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_FILE, type Manifest } from '../bundle/manifest.js';
import { readBundle } from '../bundle/read-bundle.js';
import { readProvenance } from '../provenance/about-folder.js';
import type { Provenance } from '../provenance/provenance.js';

export interface BundleInspection
  extends Pick<Manifest, 'name' | 'version' | 'network' | 'dataset' | 'tau' | 'entropyTemperature' | 'labels'> {
  readonly files: number;
  readonly bytes: number;
  /** What the bundle was made from; absent if no provenance is beside the bundle. */
  readonly provenance?: Provenance;
}

/** Whether a folder contains a bundle. */
export const isBundle = (folder: string): boolean => existsSync(join(folder, MANIFEST_FILE));

/**
 * A bundle's contents and origin. Every file is compared with the manifest.
 *
 * @throws UserError if the bundle is damaged, or its provenance is about another bundle
 */
export function inspectBundle(folder: string): BundleInspection {
  const { manifest, files } = readBundle(folder);
  const { name, version, network, dataset, tau, entropyTemperature, labels } = manifest;
  const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0);
  const provenance = readProvenance(folder);
  const described = { name, version, network, dataset, tau, entropyTemperature, labels };
  return { ...described, files: files.size, bytes, ...(provenance && { provenance }) };
}
