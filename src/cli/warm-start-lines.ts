import type { WarmStart } from '../train/warm-start/warm-start.js';

/** What a warm start took from a file, as it is shown. */
export function warmStartLines(file: string | undefined, { taken, missing, leftOver }: WarmStart): string[] {
  const list = (layers: readonly string[]): string => `${layers.length} layers: ${layers.join(', ') || 'none'}`;
  return [
    `from ${file} taken, ${list(taken)}`,
    `  missing, at their start values, ${list(missing)}`,
    `  left over in the file, ${list(leftOver)}`,
  ];
}
