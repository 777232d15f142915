import { expect, it } from 'vitest';
import { warmStartLines } from './warm-start-lines.js';

it('lists what was taken; long lists show their ends', () => {
  const taken = Array.from({ length: 98 }, (_, i) => `layer${i}`);
  expect(warmStartLines('net.onnx', { taken, missing: ['full.fc'], leftOver: [] })).toEqual([
    'taken from net.onnx, 98 layers: layer0, layer1, layer2, ... layer96, layer97',
    '  missing in the file and initialised, 1 layers: full.fc',
    '  left over in the file, 0 layers: none',
  ]);
  expect(warmStartLines('net.onnx', { taken: ['a', 'b'], missing: [], leftOver: [] })[0]).toBe(
    'taken from net.onnx, 2 layers: a, b',
  );
});
