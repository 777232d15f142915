import { Worker } from 'node:worker_threads';
import './no-telemetry.js';
import { messageOf, UserError } from './errors.js';

/**
 * Starts a worker thread from a module in the same folder as the caller.
 *
 * @param from `import.meta.url` of the caller
 * @param name name of the thread's module, without extension
 * @param workerData passed to the thread as `workerData`
 */
export function startThread(from: string, name: string, workerData?: unknown): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`./${name}.js`, from), { workerData });
  // Tests and benchmarks run the TypeScript sources, so the thread registers tsx first.
  const entry = new URL(`./${name}.ts`, from).href;
  const script = `import('tsx/esm/api').then(({ register }) => register()).then(() => import('${entry}'))`;
  return new Worker(script, { eval: true, workerData });
}

/** An error as a message between threads, which can't transfer its class. */
export interface Failure {
  readonly isUserError: boolean;
  readonly message: string;
  readonly stack?: string;
}

/** Turns a thrown value into a message for another thread. */
export function failureOf(thrown: unknown): Failure {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return { isUserError: thrown instanceof UserError, message: messageOf(thrown), stack };
}

/** Turns the message back into an error. */
export function errorFromFailure({ isUserError, message, stack }: Failure): Error {
  const error = isUserError ? new UserError(message) : new Error(message);
  error.stack = stack;
  return error;
}
