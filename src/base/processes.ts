import { type ChildProcess, fork } from 'node:child_process';

/**
 * Starts a process whose module stands beside another; buffers cross as they are.
 *
 * @param from `import.meta.url` of the other
 * @param name of the process's module, without extension
 */
export function startProcess(from: string, name: string): ChildProcess {
  // From the sources (tests, benchmarks) it is TypeScript, too, and begins with tsx.
  const isSource = from.endsWith('.ts');
  return fork(new URL(`./${name}.${isSource ? 'ts' : 'js'}`, from), {
    serialization: 'advanced',
    execArgv: isSource ? ['--import', 'tsx'] : [],
  });
}
