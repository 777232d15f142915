// Resizes images as libvips does, with which the trainer resizes: averages whole blocks of pixels first if an image is much too
// large, then filters. The kernels do the work, a few rows at a time: WebAssembly's memory never shrinks.

/** How many pixels remain for each new one, at least, after blocks were averaged. libvips has the same number. */
const KEPT = 2;
const LARGEST_BLOCK = 256;
/** What the weights of a pixel add up to: the kernels compute in 16 bits. */
const ONE = 2 ** 14;

/**
 * RGBA pixels at the size and with the channels of the network, as whole levels. The image is stretched; with `resize`, its shorter
 * side becomes that long, and the centre is cropped, as in evaluation.
 *
 * @param memory of the kernels: `reserve` gives space that is free until the next image
 */
export function resample({ kernels, reserve, bytesAt }, { width, height, data }, shape, resize) {
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
  // Colours are kept in groups of four, and the kernels filter 32 values at a time.
  const count = 32 * Math.ceil((columns.count * (channels === 1 ? 1 : 4)) / 32);
  // Only the columns that count are copied.
  const left = columns.start * columns.block;
  const span = Math.min(width - left, columns.count * columns.block);
  const pixels = reserve(4 * span * rows.block);
  const sums = reserve(8 * span);
  const ring = reserve(2 * count * rows.taps); // the blocks that the next row of the result needs
  const line = reserve(2 * count);
  const length = channels * newWidth * newHeight;
  const result = reserve(length);
  const place = (list) => {
    const at = reserve(list.byteLength);
    bytesAt(at, list.byteLength).set(new Uint8Array(list.buffer));
    return at;
  };
  const rowWeights = place(rows.weights);
  const columnWeights = place(columns.weights);
  const first = place(columns.first);

  const strip = bytesAt(pixels, 4 * span * rows.block);
  let row = 0;
  for (let i = 0; i < newHeight; i++) {
    for (; row < rows.first[i] + rows.taps; row++) {
      for (let j = 0; j < rows.block; j++) {
        // The last block of an axis may be incomplete: the last row and column are repeated.
        const from = 4 * (left + width * Math.min(height - 1, (rows.start + row) * rows.block + j));
        strip.set(data.subarray(from, from + 4 * span), 4 * span * j);
      }
      const slot = ring + 2 * count * (row % rows.taps);
      kernels.lcdnn_shrink_rgba(pixels, sums, slot, span, channels, columns.count, columns.block, rows.block);
    }
    const weights = rowWeights + 2 * rows.taps * i;
    kernels.lcdnn_filter_rows(ring, weights, line, count, rows.taps, rows.first[i] % rows.taps);
    const to = result + channels * newWidth * i;
    kernels.lcdnn_filter_columns(line, columnWeights, first, to, channels, newWidth, columns.taps);
  }
  return bytesAt(result, length).slice();
}

/**
 * The filters of libvips for one axis, on which `from` pixels become `whole`, and `to` of them are wanted, from the one at `offset`:
 * Lanczos with 3 lobes to shrink; cubic (Catmull-Rom) to enlarge, half a new pixel to the side.
 *
 * @returns `block`: pixels to average first; `start` and `count`: the blocks that are needed; then, for each new pixel, the first of
 *   these blocks that counts, and `taps` weights from there, which add up to `ONE`
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
  const weights = new Int16Array(to * taps);
  for (let i = 0; i < to; i++) {
    const centre = (offset + i + (step < 1 ? 0 : 0.5)) * step - 0.5;
    const low = Math.ceil(centre - lobes * reach);
    const high = Math.floor(centre + lobes * reach);
    first[i] = Math.max(0, Math.min(low, length - taps));
    const own = [];
    for (let x = low; x <= high; x++) own.push(weigh(Math.abs(x - centre) / reach));
    const scale = ONE / own.reduce((all, weight) => all + weight);
    let total = 0;
    // Beyond an edge its own pixel is repeated: its weight grows.
    own.forEach((weight, j) => {
      const inside = Math.min(length - 1, Math.max(0, low + j));
      const before = Math.round(total);
      total += weight * scale;
      weights[i * taps + inside - first[i]] += Math.round(total) - before;
    });
  }
  const start = first[0];
  return {
    block,
    start,
    count: first[to - 1] + taps - start,
    taps,
    weights,
    first: first.map((value) => value - start),
  };
}
