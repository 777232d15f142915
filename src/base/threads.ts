import { Worker } from 'node:worker_threads';
import { messageOf, UserError } from './errors.js';

/**
 * Starts a thread whose module stands beside another.
 *
 * @param from `import.meta.url` of the other
 * @param name of the thread's module, without extension
 * @param workerData what the thread finds under that name
 */
export function startThread(from: string, name: string, workerData?: unknown): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`./${name}.js`, from), { workerData });
  // From the sources (tests, benchmarks) the thread is TypeScript, too, and begins with tsx.
  const entry = new URL(`./${name}.ts`, from).href;
  const script = `import('tsx/esm/api').then(({ register }) => register()).then(() => import('${entry}'))`;
  return new Worker(script, { eval: true, workerData });
}

/** An error as it crosses threads; its class would not. */
export interface Failure {
  readonly isUserError: boolean;
  readonly message: string;
  readonly stack?: string;
}

/** Whatever was thrown, ready to cross. */
export function failureOf(thrown: unknown): Failure {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return { isUserError: thrown instanceof UserError, message: messageOf(thrown), stack };
}

/** The error that crossed. */
export function errorFromFailure({ isUserError, message, stack }: Failure): Error {
  const error = isUserError ? new UserError(message) : new Error(message);
  error.stack = stack;
  return error;
}
