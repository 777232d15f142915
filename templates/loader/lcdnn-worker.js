// The Worker of a model: runs the branch beside the page. It imports nothing, so that bundlers can copy it as it is, and it is
// the same for all models: the first message brings the program and the weights, each further one an image and bounds.

import { openBranch } from './lcdnn-branch.js';

let branch;
globalThis.onmessage = async ({ data: [id, given, bounds] }) => {
  try {
    branch ??= openBranch(given);
    const run = await branch;
    const answer = bounds && run(given, bounds);
    const { logits, probabilities, shared } = answer?.outputs ?? {};
    globalThis.postMessage([id, answer], answer ? [logits.buffer, probabilities.buffer, shared.buffer] : []);
  } catch (thrown) {
    globalThis.postMessage([id, undefined, thrown.message]);
  }
};
globalThis.postMessage('lcdnn 3');
