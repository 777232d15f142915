import { expect, it } from 'vitest';
import { filterScales } from '../network/filter-scale.js';
import { createNetwork } from '../network/zoo/index.js';
import { startBranchFromFull } from './branch-start.js';
import { initialParameters } from './initial-state.js';

const lenet = createNetwork('lenet', [16, 16, 1], 3, { width: 0.3, filterScale: 'learned' });

it("takes the full network's kernels where shapes match, and clips latent ones to [-1, 1]", () => {
  const before = initialParameters(lenet, 1);
  const parameters = initialParameters(lenet, 1);
  parameters['full.conv2.kernel'].values[0] = 2;
  const replaced = startBranchFromFull(parameters, lenet);
  expect(replaced).toContain('branch.conv2.kernel');
  const [branch, full] = ['branch', 'full'].map((part) => parameters[`${part}.conv2.kernel`].values);
  expect([...branch]).toEqual([...full].map((value) => Math.min(Math.max(value, -1), 1)));
  expect(branch[0]).toBe(1);
  for (const [name, { values }] of Object.entries(before)) {
    if (!name.startsWith('branch.')) continue;
    if (replaced.includes(name)) expect(parameters[name].values, name).not.toEqual(values);
    else if (!name.endsWith('.scale')) expect(parameters[name].values, name).toEqual(values);
  }
});

it('starts learned scales at the means of the new kernels', () => {
  const parameters = initialParameters(lenet, 1);
  startBranchFromFull(parameters, lenet);
  const { values } = parameters['branch.conv2.scale'];
  expect(values).toEqual(Float32Array.from(filterScales(parameters['branch.conv2.kernel'].values, values.length)));
});

it('leaves the full network as it is, and shares no memory with it', () => {
  const parameters = initialParameters(lenet, 1);
  startBranchFromFull(parameters, lenet);
  parameters['branch.conv2.kernel'].values.fill(0);
  expect(parameters['full.conv2.kernel']).toEqual(initialParameters(lenet, 1)['full.conv2.kernel']);
});
