import { codeOf, messageOf, UserError } from '../../base/errors.js';
import { createEagerEngine } from './eager.js';
import type { Engine } from './engine.js';

/** Optional peer dependencies, best first. Both register the tfjs backend `tensorflow`. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * Runs the same functions on libtensorflow, if one of tfjs's native packages is installed.
 *
 * @throws UserError if neither package is installed, or the installed one can't be loaded
 */
export async function createTensorflowEngine(): Promise<Engine> {
  const failures: string[] = [];
  for (const name of PACKAGES) {
    try {
      await import(name);
      return createEagerEngine('tensorflow', 'tensorflow');
    } catch (thrown) {
      const absent = codeOf(thrown) === 'ERR_MODULE_NOT_FOUND';
      if (!absent) failures.push(`${name} can't be loaded (${messageOf(thrown).split('\n')[0]})`);
    }
  }
  const found = failures.length > 0 ? failures.join('; ') : 'neither is installed';
  throw new UserError(
    `engine tensorflow: expected ${PACKAGES.join(' or ')}, found: ${found}; ` +
      `run "npm install ${PACKAGES[1]}" or leave out --engine`,
  );
}
