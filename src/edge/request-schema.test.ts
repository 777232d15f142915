import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isUsualRequest, requestSchema } from './request-schema.js';

/** A valid value of each field. */
const VALUES = {
  id: 'a',
  'parameters.binary_data_output': true,
  'parameters.timeout': 1000,
  'parameters.version': 'abc',
  'parameters.exits': 9,
  'parameters.entropy': 0.5,
  'parameters.branch': 3,
  'parameters.audit': false,
  'parameters.tau': 0.1,
  'inputs.0.name': 'shared',
  'inputs.0.shape': [1, 12, 12, 20],
  'inputs.0.datatype': 'UINT8',
  'inputs.0.parameters.binary_data_size': 2880,
  'inputs.0.data': [1, 2],
  'outputs.0.name': 'logits',
  'outputs.0.parameters.binary_data': true,
};
const PATHS = [
  ...Object.keys(VALUES),
  'parameters',
  'inputs',
  'inputs.0',
  'inputs.0.parameters',
  'outputs',
  'outputs.0',
];

function withValues(values: Readonly<Record<string, unknown>>): object {
  const request: object = { parameters: {}, inputs: [{ parameters: {} }], outputs: [{ parameters: {} }] };
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split('.');
    const parent = keys.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], request);
    if (typeof parent === 'object' && parent !== null) (parent as Record<string, unknown>)[keys.at(-1)!] = value;
  }
  return request;
}

it('a usual request, and one without the optional fields, needs no schema', () => {
  expect(isUsualRequest(withValues(VALUES))).toBe(true);
  expect(isUsualRequest({ inputs: [{ name: 'shared', shape: [1], datatype: 'FP32' }] })).toBe(true);
});

it('what is called usual fits the schema, which changes nothing in it', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(-1, -0, 0, 1, 0.5, 1e6, 1_000_001, 2 ** 53, 1e308, Number.POSITIVE_INFINITY),
    fc.constantFrom('', '0.5', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(257), true, null, [], {}, [{}], [[]]),
    fc.array(fc.constantFrom<unknown>(0, 1, 1.5, -1, '1', null), { maxLength: 10 }),
  );
  const changes = fc.dictionary(fc.constantFrom(...PATHS), value, { maxKeys: 2 });
  let usual = 0;
  fc.assert(
    fc.property(changes, (changes) => {
      // Copies, because withValues would change the constants above for later runs.
      const request = withValues(structuredClone({ ...VALUES, ...changes }));
      if (!isUsualRequest(request)) return;
      usual++;
      expect(request).toMatchObject(requestSchema.parse(request)); // without unknown fields
    }),
    { numRuns: 2000 },
  );
  expect(usual).toBeGreaterThan(100);
});
