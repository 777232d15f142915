import { expect, it } from 'vitest';
import { EXAMPLES, exampleProject } from './example-project.js';

it.each(EXAMPLES)('the example %s names the model and the folder of the bundle everywhere', (example) => {
  const files = exampleProject(example, 'digits', 'my "$&" bundle');
  const all = [...files.values()].join('\n');
  expect(all).not.toMatch(/MODEL|BUNDLE/);
  const description = files.get('package.json');
  if (!description) expect(files.get('page.js')).toContain("from '../my%20%22%24%26%22%20bundle/lcdnn.js'");
  else expect(JSON.parse(description).dependencies.digits).toBe('file:../my "$&" bundle');
  expect(files.has('.npmrc')).toBe(description !== undefined);
});

it('an example refuses a model with the name of a package that it needs', () => {
  expect(() => exampleProject('vue', 'vue', 'bundle')).toThrow(
    /^--example vue: expected .* found vue, .* give --name$/,
  );
});
