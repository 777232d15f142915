import { expect, it } from 'vitest';
import { describeOptions, optionText } from './option-text.js';

it('options are described by name and value', () => {
  expect(describeOptions({ distillation: 1, flip: false, shiftFill: 'reflect' })).toBe(
    'distillation 1, flip off, shiftFill reflect',
  );
});

it('stages are listed, and changes to them are described by what they train', () => {
  const stages = [
    { trains: 'full', epochs: 3, flip: true },
    { trains: 'branch', lr: 0.01 },
  ];
  expect(optionText(stages)).toBe('1. full: epochs 3, flip on; 2. branch: lr 0.01');
  expect(describeOptions({ lr: 0.1, stages: { full: { cutout: 0 }, branch: { lr: 0.1 } } })).toBe(
    'lr 0.1, full: cutout 0; branch: lr 0.1',
  );
});

it('a list is shown by its values', () => {
  expect(describeOptions({ classes: ['cat', 'dog'] })).toBe('classes cat,dog');
});

it('any other object is shown as JSON', () => {
  expect(optionText([{ epoch: 3, planned: 5 }])).toBe('[{"epoch":3,"planned":5}]');
});
