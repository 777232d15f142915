import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('run-commands.js', import.meta.url));

/** How a command ended. */
export interface Ended {
  /** Exit code; nothing where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandHost {
  /** Runs a command once those before it have ended. */
  run(args: readonly string[]): Promise<Ended>;
  stop(): void;
}

/** One process for many commands of the package, started when the first comes. */
export function commandHost(packageFolder: string, cwd: string, env: NodeJS.ProcessEnv): CommandHost {
  // After each command the process prints this on both streams.
  const end = `<end ${randomUUID()}>`;
  let host: { readonly child: ChildProcess; readonly closed: Promise<null> } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const started = () => {
    if (host && host.child.exitCode === null && host.child.signalCode === null) return host;
    const child = fork(PROGRAM, [packageFolder, end], { cwd, env, silent: true });
    child.stdout!.setEncoding('utf8');
    child.stderr!.setEncoding('utf8');
    host = { child, closed: new Promise((resolve) => child.once('close', () => resolve(null))) };
    return host;
  };

  const runNow = async (args: readonly string[]): Promise<Ended> => {
    const { child, closed } = started();
    const code = new Promise<number>((resolve) => child.once('message', (sent) => resolve(sent as number)));
    const read = (stream: NodeJS.ReadableStream): Promise<string> =>
      new Promise((resolve) => {
        let text = '';
        const add = (part: string): void => {
          text += part;
          const at = text.indexOf(end);
          if (at < 0) return;
          stream.off('data', add);
          resolve(text.slice(0, at));
        };
        stream.on('data', add);
        void closed.then(() => resolve(text));
      });
    const output = [read(child.stdout!), read(child.stderr!)];
    child.send(args);
    const ended = await Promise.race([code, closed]);
    const [stdout, stderr] = await Promise.all(output);
    return { code: ended, stdout, stderr };
  };

  return {
    run(args) {
      const ended = last.then(() => runNow(args));
      last = ended;
      return ended;
    },
    stop: () => void host?.child.kill('SIGKILL'),
  };
}
