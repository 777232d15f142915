import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { MANIFEST_FILE } from '../bundle/manifest.js';
import { readBundle } from '../bundle/read-bundle.js';
import { modelRepository } from '../codegen/model-repository.js';
import { writeRepository } from '../codegen/write-repository.js';
import type { UplinkReport } from '../export/uplink/measure.js';
import { joinModels } from '../onnx/join-models.js';
import { type ExportOptions, exportWeb } from './export-web.js';
import type { DataOptions } from './run-data.js';

export interface RepositoryResult {
  /** Name and version of the model. */
  readonly name: string;
  readonly version: string;
  /** Paths that were written, relative to the repository. */
  readonly files: readonly string[];
  /** Measurements behind the choice of the uplink, if a run was exported. */
  readonly uplink?: UplinkReport;
}

/**
 * Writes a model repository of the bundle's entry points for Triton, OpenVINO Model Server and KServe.
 *
 * @param source a run directory or a bundle
 * @throws UserError as `exportWeb`, or if a bundle is given together with a name or an uplink
 */
export async function exportRepository(
  source: string,
  options: ExportOptions & DataOptions,
): Promise<RepositoryResult> {
  const isBundle = existsSync(join(source, MANIFEST_FILE));
  if (isBundle && (options.name ?? options.uplink) !== undefined) {
    throw new UserError(
      `${source}: a bundle already has a name and an uplink; leave out --name and --uplink, or give the run instead`,
    );
  }
  const temporary = mkdtempSync(join(tmpdir(), 'lcdnn-export-'));
  try {
    const folder = isBundle ? source : join(temporary, 'bundle');
    const uplink = isBundle ? undefined : (await exportWeb(source, { ...options, out: folder })).uplink;
    const { manifest, files } = readBundle(folder);
    const repository = modelRepository(manifest, (entry) => joinModels(entry.files.map((file) => files.get(file)!)));
    writeRepository(options.out, repository);
    return { name: manifest.name, version: manifest.version, files: [...repository.keys()], uplink };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
