import type { OnnxFile } from './read-model.js';

/** Operators that turn logits into probabilities. We work with logits. */
const SOFTMAX = new Set(['Softmax', 'LogSoftmax']);

/** The tensor of logits behind an output: the output itself, or the input of the softmax over classes that produces it. */
export function logitsBefore(output: string, { graph }: OnnxFile): string {
  const last = graph!.node!.find((node) => node.output?.includes(output));
  if (last?.opType === 'Identity') return logitsBefore(last.input![0], { graph } as OnnxFile);
  const axis = Number(last?.attribute?.find(({ name }) => name === 'axis')?.i ?? 1);
  return last && SOFTMAX.has(last.opType!) && Math.abs(axis) === 1 ? last.input![0] : output;
}
