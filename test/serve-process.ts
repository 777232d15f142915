import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** `lcdnn serve` or `lcdnn gateway`, as a process of its own. */
export interface ServeProcess {
  readonly port: number;
  readonly pid: number;
  /** Ends it, at once and without its doing where nothing else is said. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts it on a bundle; resolves once it listens. */
export const startServe = (bundle: string, port = 0, ...flags: string[]): Promise<ServeProcess> =>
  startListening('serve', bundle, '--port', `${port}`, ...flags);

/** Starts a command that says where it listens; resolves once it does. */
export async function startListening(...args: string[]): Promise<ServeProcess> {
  const program = fileURLToPath(new URL('../bin/run.js', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const said = await Promise.race([firstAddress(child), ended.then(() => undefined)]);
  if (!said) throw new Error(`${args[0]} ended with ${child.exitCode}`);
  return {
    port: Number(new URL(said).port),
    pid: child.pid!,
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      await ended;
    },
  };
}

async function firstAddress(child: ChildProcess): Promise<string | undefined> {
  let text = '';
  for await (const part of child.stdout!) {
    text += part;
    const [found] = /http:\/\/[\d.]+:\d+/.exec(text) ?? [];
    if (found && text.includes('\n')) {
      child.stdout!.on('data', () => {}); // so that it never waits for us
      return found;
    }
  }
  return undefined;
}
