import { readFileOrExplain } from '../base/files.js';
import type { LiteRtModel } from '../baselines/measure/contender.js';
import type { LiteRtPeers } from '../baselines/measure/system.js';
import { INSTALL_LITERT, liteRtFiles } from '../profiling/litert.js';

/** Paths of .tflite models of the full network, in float32 and in 8 bits. */
export type LiteRtPaths = { readonly [approach in LiteRtModel['approach']]?: string };

/**
 * Opens the models to measure in LiteRT.js.
 *
 * @param onNote called with the reason if LiteRT.js is left out
 * @throws UserError if a model can't be read
 */
export function openLiteRtPeers(paths: LiteRtPaths, onNote: (line: string) => void): LiteRtPeers | undefined {
  const models = (['litert', 'litert-int8'] as const).flatMap((approach) => {
    const path = paths[approach];
    return path === undefined ? [] : [{ approach, path, model: readFileOrExplain(path, 'a .tflite model') }];
  });
  if (models.length === 0) {
    onNote('LiteRT.js is left out: give the full network as .tflite files with --litert and --litert-int8');
    return undefined;
  }
  const runtime = liteRtFiles('chromium');
  if (runtime) return { models, runtime };
  onNote(`LiteRT.js is left out: it isn't installed; run: ${INSTALL_LITERT}`);
  return undefined;
}
