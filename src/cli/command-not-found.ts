import type { Hook } from '@oclif/core';
import { suggestName } from '../base/suggest-name.js';

/**
 * Suggests the command that was probably meant, and exits with 2. Unlike `@oclif/plugin-not-found` it never asks whether to
 * run that command, because a script can't answer.
 */
const commandNotFound: Hook<'command_not_found'> = async ({ config, id, argv = [] }) => {
  const given = id.replaceAll(':', ' ');
  const names = config.commandIDs.map((name) => name.replaceAll(':', ' '));
  const near = suggestName(given, names);
  const hint = near ? `did you mean ${near}?` : `"${config.bin} --help" lists the commands`;
  const message = `expected a command, found ${given}; ${hint}`;
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { message } }, null, 2)}\n`);
  else process.stderr.write(`error: ${message}\n`);
  process.exitCode = 2;
  process.exit();
};

export default commandNotFound;
