import { expect, it } from 'vitest';
import { describeCommands } from './describe-commands.js';

it('describes usage, arguments, flags by group and examples', () => {
  const page = describeCommands({
    commands: {
      'bench:it': {
        id: 'bench:it',
        summary: 'Measures a | b <c>.',
        strict: false,
        args: { bundle: { name: 'bundle', required: true, description: 'Bundle folder.' } },
        flags: {
          json: { name: 'json', type: 'boolean', helpGroup: 'GLOBAL', default: undefined },
          way: { name: 'way', type: 'option', options: ['up', 'down'], default: 'up', summary: 'Which way.' },
          fast: { name: 'fast', char: 'f', type: 'boolean', allowNo: true, helpGroup: 'SPEED', default: false },
          secret: { name: 'secret', type: 'boolean', hidden: true, default: undefined },
        },
        examples: ['<%= config.bin %> <%= command.id %> bundles/mnist'],
      },
    },
  });
  expect(page).toContain('| [lcdnn bench it](#lcdnn-bench-it) | Measures a \\| b &lt;c>. |');
  expect(page).toContain('lcdnn bench it BUNDLE... [FLAGS]');
  expect(page).toContain('| `BUNDLE` | Bundle folder. |');
  expect(page).toContain('| `--way up\\|down` | Which way. (default: `up`) |');
  expect(page).toContain('**Speed**\n\n| flag | meaning |\n| --- | --- |\n| `-f, --[no-]fast` |  |');
  expect(page).toContain('```sh\nlcdnn bench it bundles/mnist\n```');
  expect(page).not.toMatch(/secret|json`\s*\|/);
});
