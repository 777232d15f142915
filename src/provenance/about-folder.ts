import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { makeFolder, readFileOrExplain, writeFileAtomic } from '../base/files.js';
import { refuseNewerFormat } from '../base/format-version.js';
import { sha256 } from '../base/hash.js';
import { checkValue, readJson } from '../base/json.js';
import { MANIFEST_FILE, type Manifest } from '../bundle/manifest.js';
import { bundleSbom } from './bundle-sbom.js';
import { type Provenance, provenanceSchema } from './provenance.js';
import { slsaStatement } from './slsa-statement.js';

const WHAT = 'the provenance of a bundle';
const ADVICE = 'export the bundle again';

/** Files about a bundle. */
const FILES = {
  provenance: 'provenance.json',
  statement: 'provenance.intoto.json',
  sbom: 'sbom.cdx.json',
  card: 'MODEL_CARD.md',
} as const;

/**
 * The folder with the files about a bundle. It is beside the bundle, so that no server of the bundle serves it and the
 * bundle's version doesn't depend on it.
 */
export const aboutFolder = (bundle: string): string => `${resolve(bundle)}.about`;

/** Writes what is known about a bundle into the folder beside it. */
export function writeAbout(bundle: string, files: Manifest['files'], provenance: Provenance, card: string): void {
  const folder = aboutFolder(bundle);
  makeFolder(folder);
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  writeFileAtomic(join(folder, FILES.provenance), json(provenance));
  writeFileAtomic(join(folder, FILES.statement), json(slsaStatement(provenance, files)));
  writeFileAtomic(join(folder, FILES.sbom), json(bundleSbom(provenance, files)));
  writeFileAtomic(join(folder, FILES.card), card);
}

/**
 * The provenance of a bundle; undefined if the file is missing, as for bundles of lcdnn 0.1.
 *
 * @throws UserError if the file is damaged or is about another bundle
 */
export function readProvenance(bundle: string): Provenance | undefined {
  const path = join(aboutFolder(bundle), FILES.provenance);
  if (!existsSync(path)) return undefined;
  const written = readJson(path, z.unknown(), WHAT, ADVICE);
  refuseNewerFormat(written, 1, path, WHAT);
  const provenance = checkValue(written, provenanceSchema, path, WHAT, ADVICE);
  const manifest = sha256(readFileOrExplain(join(bundle, MANIFEST_FILE), 'the manifest of a bundle'));
  if (manifest === provenance.bundle.manifest) return provenance;
  const { name, version } = provenance.bundle;
  throw new UserError(
    `${path}: expected the provenance of ${bundle}, found that of another bundle (${name} ${version}); export it again`,
  );
}
