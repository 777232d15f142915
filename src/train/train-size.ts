import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../base/errors.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import type { Config } from '../run/config.js';

/** @throws UserError if the network has other layers on images of a size that it shall train on */
export function requireTrainSizes(config: Pick<Config, 'trainSize' | 'stages'>, network: JointNetwork): void {
  const [height, width] = network.input;
  for (const { trainSize } of [config, ...(config.stages ?? [])]) {
    if (!trainSize || takesImagesOf(trainSize, network)) continue;
    throw new UserError(
      `trainSize ${trainSize}: expected a size at which ${network.name} has the same layers as on ${height}x${width} ` +
        'images, found another; networks without a flatten layer can take a half or three quarters of their own size',
    );
  }
}

/** Whether a network has the same parameters on square images of this size. */
function takesImagesOf(size: number, network: JointNetwork): boolean {
  const shapes = (input: JointNetwork['input']) => networkParameters({ ...network, input }).map(({ shape }) => shape);
  try {
    return isDeepStrictEqual(shapes([size, size, network.input[2]]), shapes(network.input));
  } catch (thrown) {
    if (thrown instanceof UserError) return false; // a layer doesn't fit such images
    throw thrown;
  }
}
