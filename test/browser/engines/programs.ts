import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Starts a program with its own process group, and waits until it has printed what matches, if a pattern is given.
 *
 * @returns the first group of the pattern as `found`
 */
export async function startProgram(
  program: string,
  args: readonly string[],
  pattern: RegExp | undefined,
  env: Record<string, string> = {},
): Promise<{ child: ChildProcess; found: string }> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
  });
  // Also if the tests are interrupted.
  const onExit = (): void => killGroup(child);
  process.once('exit', onExit);
  // Its number may belong to another program by then.
  child.once('exit', () => process.off('exit', onExit));
  let printed = '';
  const found = await new Promise<string>((resolve, reject) => {
    const read = (bytes: Buffer): void => {
      if (printed.length > 1e5) return;
      printed += bytes;
      const match = pattern?.exec(printed);
      if (match) resolve(match[1] ?? '');
    };
    child.stdout!.on('data', read);
    child.stderr!.on('data', read);
    if (!pattern) child.once('spawn', () => resolve(''));
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${program}: expected a program that runs, found an end: ${printed}`)));
  });
  return { child, found };
}

/** Ends the program and all that it started. */
export async function endGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  killGroup(child);
  await ended;
}

function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {} // it ended by itself
}
