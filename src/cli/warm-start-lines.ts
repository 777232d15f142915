import type { WarmStart } from '../train/warm-start/warm-start.js';

/** Names that are listed in full. Longer lists show their ends. */
const MOST_NAMES = 8;

/** Lines that list what a warm start took from a file. */
export function warmStartLines(file: string | undefined, { taken, missing, leftOver }: WarmStart): string[] {
  const list = (layers: readonly string[]): string => `${layers.length} layers: ${namesOf(layers)}`;
  return [
    `taken from ${file}, ${list(taken)}`,
    `  missing in the file and initialised, ${list(missing)}`,
    `  left over in the file, ${list(leftOver)}`,
  ];
}

function namesOf(layers: readonly string[]): string {
  if (layers.length === 0) return 'none';
  if (layers.length <= MOST_NAMES) return layers.join(', ');
  return `${layers.slice(0, 3).join(', ')}, ... ${layers.slice(-2).join(', ')}`;
}
