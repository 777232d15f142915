// What the exported model's branch computes. `lcdnn export` replaces everything between the markers.

// <program>
/**
 * `constants`: how to place each tensor of the weights in memory. `stages`: for each exit, its kernel calls, the position of its
 * outputs in the arena, and the length of what it shares with the rest of the network. In a call, a number is passed as it
 * is, a list of one number is a position in the arena, and a text names a constant.
 */
export const PROGRAM = {
  name: '',
  hash: '',
  arenaBytes: 0,
  input: 0,
  constants: {},
  stages: [{ shared: 0, sharedLength: 0, logits: 0, calls: [] }],
};
// </program>
