// Draws what the edge receives instead of the image: the output of the shared layers.

const COLUMNS = 8;
const ROWS = 2;
/** Pixels between two maps. */
const GAP = 1;

/**
 * Draws the first maps side by side, each from its smallest number (black) to its largest (white).
 *
 * @param values height * width * maps numbers (NHWC)
 */
export function drawMaps(canvas, values, [height, width, maps]) {
  const columns = Math.min(maps, COLUMNS);
  const rows = Math.min(ROWS, Math.ceil(maps / columns));
  Object.assign(canvas, { width: columns * (width + GAP) - GAP, height: rows * (height + GAP) - GAP });
  const pen = canvas.getContext('2d');
  for (let map = 0; map < Math.min(maps, columns * rows); map++) {
    const own = Array.from({ length: height * width }, (_, i) => values[i * maps + map]);
    const [least, most] = [Math.min(...own), Math.max(...own)];
    const image = pen.createImageData(width, height);
    own.forEach((value, i) => {
      image.data.fill(most > least ? (255 * (value - least)) / (most - least) : 0, 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255;
    });
    pen.putImageData(image, (map % columns) * (width + GAP), Math.floor(map / columns) * (height + GAP));
  }
}
