import type { EntryPoint, Manifest } from './manifest.js';

/**
 * Every point at which the edge can take over, each with the model that answers there. The first one is the tail, for the last
 * exit's output (or for the image, if that is what pages send).
 */
export function entryPointsOf({
  name,
  tau,
  tail: { file, from, ...tensors },
  entries = [],
}: Pick<Manifest, 'name' | 'tau' | 'tail' | 'entries'>): readonly EntryPoint[] {
  return [{ ...tensors, from: from ?? [tau].flat().length, model: name, files: [file] }, ...entries];
}
