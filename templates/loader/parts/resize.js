// Resizes images as libvips does, with which the trainer resizes: averages whole blocks of pixels first if an image is much too
// large, then filters. The kernels do the work, a few rows at a time: WebAssembly's memory never shrinks.

/** How many pixels remain for each new one, at least, after blocks were averaged. libvips has the same number. */
const KEPT = 2;
const LARGEST_BLOCK = 256;

/**
 * RGBA pixels at the size and with the channels of the network, as whole levels. The image is stretched; with `resize`, its shorter
 * side becomes that long, and the centre is cropped, as in evaluation.
 *
 * @param memory of the kernels: `reserve` gives space that is free until the next image
 */
export function resample({ kernels, reserve, bytesAt, floatsAt }, { width, height, data }, shape, resize) {
  const [newHeight, newWidth, channels] = shape;
  if (channels !== 1 && channels !== 3) throw new Error(`image: RGBA can't be converted to ${channels} channels`);
  const axis = (from, to) => {
    if (!resize) return planAxis(from, to, to, 0);
    // libvips keeps whole pixels of the longer side, crops a square from them, and the input from that.
    const whole = Math.round((from * resize) / Math.min(width, height));
    return planAxis(from, whole, to, Math.ceil((whole - resize) / 2) + Math.floor((resize - to) / 2));
  };
  const columns = axis(width, newWidth);
  const rows = axis(height, newHeight);
  const depth = channels === 1 ? 1 : 4; // colours are kept in groups of four floats
  const pixels = reserve(4 * width * rows.block);
  const sums = reserve(8 * width);
  const shrunk = reserve(4 * depth * columns.count);
  const weights = reserve(4 * columns.weights.length);
  const first = reserve(4 * newWidth);
  const line = reserve(4 * depth * newWidth);
  const result = reserve(4 * depth * newWidth * newHeight);
  floatsAt(weights, columns.weights.length).set(columns.weights);
  new Int32Array(bytesAt(first, 4 * newWidth).buffer, first, newWidth).set(columns.first);
  floatsAt(result, depth * newWidth * newHeight).fill(0);

  for (let row = 0; row < rows.count; row++) {
    // The last block of an axis may be incomplete: the last row and column are repeated.
    const from = (rows.start + row) * rows.block;
    const present = Math.min(rows.block, height - from);
    bytesAt(pixels, 4 * width * present).set(data.subarray(4 * width * from, 4 * width * (from + present)));
    for (let missing = present; missing < rows.block; missing++) {
      bytesAt(pixels, 4 * width * rows.block).copyWithin(
        4 * width * missing,
        4 * width * (present - 1),
        4 * width * present,
      );
    }
    kernels.lcdnn_flatten_rgba(pixels, width * present);
    kernels.lcdnn_shrink_rgba(
      pixels,
      sums,
      shrunk,
      width,
      channels,
      columns.start,
      columns.count,
      columns.block,
      rows.block,
    );
    kernels.lcdnn_filter_columns(shrunk, weights, first, line, depth, newWidth, columns.taps);
    for (let i = 0; i < newHeight; i++) {
      const tap = row - rows.first[i];
      const weight = tap >= 0 && tap < rows.taps && rows.weights[i * rows.taps + tap];
      if (!weight) continue;
      kernels.lcdnn_add_weighted_f32(line, weight, result + 4 * depth * newWidth * i, depth * newWidth);
    }
  }
  const values = floatsAt(result, depth * newWidth * newHeight);
  const levels = new Uint8ClampedArray(newHeight * newWidth * channels);
  for (let i = 0, at = 0; i < values.length; i += depth) {
    for (let c = 0; c < channels; c++) levels[at++] = values[i + c];
  }
  return levels;
}

/**
 * The filters of libvips for one axis, on which `from` pixels become `whole`, and `to` of them are wanted, from the one at `offset`:
 * Lanczos with 3 lobes to shrink; cubic (Catmull-Rom) to enlarge, half a new pixel to the side.
 *
 * @returns `block`: pixels to average first; `start` and `count`: the blocks that are needed; then, for each new pixel, the first of
 *   these blocks that counts, and `taps` weights from there
 */
function planAxis(from, whole, to, offset) {
  const block = Math.min(LARGEST_BLOCK, Math.max(1, Math.floor(from / whole / KEPT)));
  const length = Math.ceil(from / block);
  const step = from / whole / block;
  const reach = Math.max(step, 1);
  const sinc = (x) => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
  const lanczos = (x) => sinc(x) * sinc(x / 3);
  const cubic = (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((2.5 - 0.5 * x) * x - 4) * x + 2);
  const [weigh, lobes] = step < 1 ? [cubic, 2] : [lanczos, 3];
  const taps = Math.min(length, Math.floor(2 * lobes * reach) + 1);
  const first = new Int32Array(to);
  const weights = new Float32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const centre = (offset + i + (step < 1 ? 0 : 0.5)) * step - 0.5;
    const low = Math.ceil(centre - lobes * reach);
    const high = Math.floor(centre + lobes * reach);
    first[i] = Math.max(0, Math.min(low, length - taps));
    const own = [];
    for (let x = low; x <= high; x++) own.push(weigh(Math.abs(x - centre) / reach));
    const sum = own.reduce((all, weight) => all + weight);
    // Beyond an edge its own pixel is repeated: its weight grows.
    own.forEach((weight, j) => {
      const inside = Math.min(length - 1, Math.max(0, low + j));
      weights[i * taps + inside - first[i]] += weight / sum;
    });
  }
  const start = first.reduce((least, value) => Math.min(least, value), length);
  const end = first.reduce((most, value) => Math.max(most, value + taps), 0);
  return { block, start, count: end - start, taps, weights, first: first.map((value) => value - start) };
}
