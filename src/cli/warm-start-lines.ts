import type { WarmStart } from '../train/warm-start/warm-start.js';

/** Lines that list what a warm start took from a file. */
export function warmStartLines(file: string | undefined, { taken, missing, leftOver }: WarmStart): string[] {
  const list = (layers: readonly string[]): string => `${layers.length} layers: ${layers.join(', ') || 'none'}`;
  return [
    `taken from ${file}, ${list(taken)}`,
    `  missing in the file and initialised, ${list(missing)}`,
    `  left over in the file, ${list(leftOver)}`,
  ];
}
