import { fileURLToPath } from 'node:url';
import { Args, Config, Errors, Flags } from '@oclif/core';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { UserError } from '../base/errors.js';
import { LcdnnCommand } from './base-command.js';

class Probe extends LcdnnCommand {
  static override args = { what: Args.string({ required: true, ignoreStdin: true }) };
  static override flags = { size: Flags.integer() };
  async run() {
    const { args } = await this.parse(Probe);
    if (args.what === 'mistake') throw new UserError('/x: expected a file, found none');
    if (args.what === 'fault') throw new Error('unforeseen');
    if (args.what === 'interrupt') this.exit(130);
    return { what: args.what };
  }
}
Probe.id = 'probe:one';

let config: Config;
let out: string;
let err: string;

beforeAll(async () => {
  config = await Config.load(fileURLToPath(new URL('../..', import.meta.url)));
});

beforeEach(() => {
  out = '';
  err = '';
  // oclif prints by console.log, which vitest keeps from process.stdout.
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += text;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** The exit code that the command asks for; 0 where it just ends. */
async function exitCode(...argv: string[]): Promise<number> {
  try {
    await Probe.run(argv, config);
    return 0;
  } catch (thrown) {
    if (thrown instanceof Errors.ExitError) return thrown.oclif.exit ?? 1;
    throw thrown;
  }
}

it('prints the result as JSON when asked', async () => {
  expect(await exitCode('fine', '--json')).toBe(0);
  expect(JSON.parse(out)).toEqual({ what: 'fine' });
});

it("prints a user's mistake as one line, exit code 2", async () => {
  expect(await exitCode('mistake')).toBe(2);
  expect([out, err]).toEqual(['', 'error: /x: expected a file, found none\n']);
});

it("prints a user's mistake as JSON, exit code 2", async () => {
  expect(await exitCode('mistake', '--json')).toBe(2);
  expect(JSON.parse(out)).toEqual({ error: { message: '/x: expected a file, found none' } });
  expect(err).toBe('');
});

it.each([
  [['x', '--nonsense'], /^error: Nonexistent flag: --nonsense \(see lcdnn probe one --help\)\n$/],
  [[], /^error: Missing 1 required arg: what.*\(see lcdnn probe one --help\)\n$/],
  [['x', '--size', 'big'], /^error: Parsing --size: Expected an integer but received: big \(see .*\)\n$/],
  [['x', 'y'], /^error: Unexpected argument: y \(see .*\)\n$/],
])('prints what oclif refuses as one line, exit code 2: %j', async (argv, message) => {
  expect(await exitCode(...argv)).toBe(2);
  expect(err).toMatch(message);
});

it('prints the stack of a fault of ours, exit code 1', async () => {
  expect(await exitCode('fault')).toBe(1);
  expect(err).toMatch(/^Error: unforeseen\n {4}at .*base-command\.test/);
  expect(await exitCode('fault', '--json')).toBe(1);
  expect(JSON.parse(out)).toEqual({ error: { message: 'unforeseen' } });
});

it('leaves an exit as it is', async () => {
  expect(await exitCode('interrupt')).toBe(130);
  expect([out, err]).toEqual(['', '']);
});
