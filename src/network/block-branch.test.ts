import { expect, it } from 'vitest';
import { parseBranch } from './branch.js';
import { networkCost } from './cost.js';
import { flattenChains, placeLayers } from './shapes.js';
import { createNetwork } from './zoo/index.js';

const behind = (attach: string, blocks: number) =>
  createNetwork('tf-efficientnet-lite0', [224, 224, 3], 5, { attach, branch: { blocks } });

it.each([
  ['stage4-2', 2, ['7x7x160', '7x7x160'], 9 * (80 * 160 + 160 * 160)],
  ['stage3-1', 3, ['14x14x80', '7x7x160', '7x7x160'], 9 * (40 * 80 + 80 * 160 + 160 * 160)],
  ['stage5-2', 1, ['7x7x224'], 9 * 112 * 224],
])('a branch of blocks behind %s halves images and doubles channels down to 7x7', (attach, blocks, shapes, bits) => {
  const branch = flattenChains(placeLayers(behind(attach, blocks))).filter(({ part }) => part === 'branch');
  const binary = branch.filter(({ layer }) => layer.type === 'binary-conv2d');
  expect(binary.map(({ output }) => output.join('x'))).toEqual(shapes);
  expect(
    binary.reduce((sum, { layer, input }) => sum + 9 * input[2]! * ('filters' in layer ? layer.filters : 0), 0),
  ).toBe(bits);
  expect(branch.filter(({ layer }) => layer.type === 'residual')).toHaveLength(blocks);
  // The full network behind the attachment isn't mirrored: its cost stays, and none of its pointwise layers is here.
  expect(networkCost(behind(attach, blocks)).device.bytes).toBeLessThan(networkCost(behind(attach, blocks)).full.bytes);
});

it('is written as blocks=N', () => {
  expect(parseBranch('blocks=3')).toEqual({ blocks: 3 });
  for (const text of ['blocks=0', 'blocks=', 'blocks=2,fc=1']) expect(() => parseBranch(text)).toThrow(/blocks=N/);
  expect(() => createNetwork('lenet', [28, 28, 1], 10, { attach: 'fc1', branch: { blocks: 1 } })).toThrow(
    'branch blocks=1 after fc1: expected an image there, found',
  );
});
