import { type ChildProcess, fork } from 'node:child_process';
import { codeOf } from './errors.js';

/**
 * Starts a process from a module in the same folder as the caller. Messages may contain buffers.
 *
 * @param from `import.meta.url` of the caller
 * @param name name of the process's module, without extension
 */
export function startProcess(from: string, name: string): ChildProcess {
  // Tests and benchmarks run the TypeScript sources, so the process needs tsx.
  const isSource = from.endsWith('.ts');
  return fork(new URL(`./${name}.${isSource ? 'ts' : 'js'}`, from), {
    serialization: 'advanced',
    execArgv: isSource ? ['--import', 'tsx'] : [],
  });
}

/** Whether a process of this machine is running. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM';
  }
}
