// Runs commands of lcdnn one after the other in one process, each as bin/run.js runs it in its own: so that a test of
// what a command prints does not wait for the libraries to load again. `node run-commands.js PACKAGE END`: takes the
// arguments of a command as a message, and answers with its exit code; after the command, END is on stdout and stderr.
import { EventEmitter } from 'node:events';
import { join } from 'node:path';

const [root, end] = process.argv.slice(2);
await import(join(root, 'dist/base/no-telemetry.js'));
const { Config, Errors, flush, run } = await import('@oclif/core');
const config = await Config.load(root);

EventEmitter.defaultMaxListeners = 0; // oclif adds listeners with each command

let exit = () => {};
process.exit = (code) => exit(code ?? process.exitCode ?? 0);

/** As oclif's `execute`, which bin/run.js calls. */
async function runCommand(args) {
  try {
    await run(args, config);
    await flush();
    return process.exitCode ?? 0;
  } catch (thrown) {
    return Errors.handle(thrown); // calls process.exit
  }
}

process.on('message', async (args) => {
  process.exitCode = undefined;
  const exited = new Promise((resolve) => {
    exit = resolve;
  });
  const code = await Promise.race([exited, runCommand(args).then((code) => code ?? exited)]);
  process.stdout.write(end);
  process.stderr.write(end);
  process.send(code);
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
