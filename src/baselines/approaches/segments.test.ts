import { describe, expect, it } from 'vitest';
import { createNetwork, networkNames } from '../../network/zoo/index.js';
import { chainOf, segmentsOf } from './segments.js';

describe('segments', () => {
  it.each(networkNames)('of %s follow one another from the image to the logits', (name) => {
    const network = createNetwork(name, [64, 64, 3], 7, { width: 0.1 });
    const chain = chainOf(network);
    const segments = segmentsOf(chain);
    expect(segments.flatMap(({ layers }) => layers)).toEqual(chain);
    expect(segments[0].input).toEqual([64, 64, 3]);
    expect(segments.at(-1)!.output).toEqual([7]);
    segments.slice(1).forEach(({ input }, i) => {
      expect(input).toEqual(segments[i].output);
    });
    expect(new Set(segments.map((segment) => segment.name)).size).toBe(segments.length);
  });

  it('are called after their layers, and end behind activations and pools', () => {
    const segments = segmentsOf(chainOf(createNetwork('lenet', [28, 28, 1], 10)));
    expect(segments.map(({ name, output }) => [name, output])).toEqual([
      ['conv1', [12, 12, 20]],
      ['conv2', [800]],
      ['fc1', [500]],
      ['fc2', [10]],
    ]);
  });

  it('keep residual blocks whole', () => {
    const segments = segmentsOf(chainOf(createNetwork('resnet18', [32, 32, 3], 10)));
    expect(segments.map(({ name }) => name)).toEqual([
      'conv1',
      ...[1, 2, 3, 4].flatMap((stage) => [`layer${stage}-0`, `layer${stage}-1`]),
      'fc',
    ]);
  });

  it('of a float exit end in its branch; a binary one has none', () => {
    const options = { attach: 'conv1,conv2', branch: 'float' as const };
    const network = createNetwork('lenet', [28, 28, 1], 10, options);
    const exit = segmentsOf(chainOf(network, 2));
    expect(exit.map(({ name }) => name)).toEqual(['conv1', 'conv2', 'conv', 'fc2']);
    expect(() => chainOf(network, 3)).toThrow('exit: expected one of the 2 of lenet, found 3');
    expect(() => chainOf(createNetwork('lenet', [28, 28, 1], 10), 1)).toThrow(
      'expected float layers, found binary ones',
    );
  });
});
