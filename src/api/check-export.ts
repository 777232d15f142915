import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { sha256 } from '../base/hash.js';
import { LICENCES_FILE } from '../bundle/manifest.js';
import { readManifest } from '../bundle/read-bundle.js';
import { readProvenance } from '../provenance/about-folder.js';
import type { Provenance } from '../provenance/provenance.js';
import { type ExportOptions, exportWeb } from './export-web.js';
import type { MeasureOptions } from './open-trained.js';

/** A file of a bundle that a new export writes differently. */
export interface ChangedFile {
  readonly path: string;
  /** SHA-256 in the bundle and in the new export; absent if the file is missing there. */
  readonly bundle?: string;
  readonly rebuilt?: string;
}

export interface RebuildResult {
  readonly identical: boolean;
  /** Files that were compared, the manifest included. */
  readonly files: number;
  readonly changed: readonly ChangedFile[];
  /** Parts of the provenance that differ, which may explain changed files: `lcdnn`, `platform`, `run`, ... */
  readonly differentInputs: readonly string[];
}

/**
 * Exports a run again into a temporary folder and compares every file with a bundle, byte by byte. Name, uplink, edge and
 * licence text are those of the bundle unless given.
 *
 * @throws UserError as `exportWeb` does, or if the bundle is damaged
 */
export async function checkExport(
  run: string,
  bundle: string,
  options: Partial<ExportOptions> & MeasureOptions = {},
): Promise<RebuildResult> {
  const { name, edge, files } = readManifest(bundle);
  const provenance = readProvenance(bundle);
  const licenceFile = LICENCES_FILE in files ? join(bundle, LICENCES_FILE) : undefined;
  const recorded = { name, edge, uplink: provenance?.export.uplink, licenceFile };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const temporary = mkdtempSync(join(tmpdir(), 'lcdnn-check-'));
  try {
    const out = join(temporary, 'bundle');
    await exportWeb(run, { ...recorded, ...given, out });
    const [before, now] = [hashesIn(bundle), hashesIn(out)];
    const paths = [...new Set([...before.keys(), ...now.keys()])].sort();
    const changed = paths
      .filter((path) => before.get(path) !== now.get(path))
      .map((path) => ({ path, bundle: before.get(path), rebuilt: now.get(path) }));
    const differentInputs = provenance ? differingParts(provenance, readProvenance(out)!) : [];
    return { identical: changed.length === 0, files: paths.length, changed, differentInputs };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** SHA-256 of every file in a folder, by path. */
function hashesIn(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path).replaceAll(sep, '/'), sha256(readFileSync(path))];
    }),
  );
}

/** The parts of the provenance that are inputs of an export. */
const INPUTS = ['lcdnn', 'platform', 'export', 'run', 'data', 'tau'] as const;

const differingParts = (one: Provenance, other: Provenance): string[] =>
  INPUTS.filter((part) => JSON.stringify(one[part]) !== JSON.stringify(other[part]));
