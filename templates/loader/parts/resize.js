// Resizes images with the filters of the trainer (libvips).

// RGBA at the size and with the channels of the network, as whole levels; an image of this size keeps its own. It is
// stretched; or, as in evaluation, the middle of what it would be with its shorter side resized to `resize`.
export function resample({ width, height, data }, [newHeight, newWidth, channels], resize) {
  if (channels !== 1 && channels !== 3) throw new Error(`image: RGBA can't be brought to ${channels} channels`);
  const place = (from, to) => {
    if (!resize) return filter(from, to, to, 0);
    // libvips keeps whole pixels of the longer side, of which a square is cut out, and the input out of that.
    const whole = Math.round((from * resize) / Math.min(width, height));
    return filter(from, whole, to, Math.ceil((whole - resize) / 2) + Math.floor((resize - to) / 2));
  };
  const columns = place(width, newWidth);
  const line = new Float32Array(width * channels);
  const narrow = new Uint8ClampedArray(height * newWidth * channels);
  for (let y = 0; y < height; y++) {
    // Laid on black, to colours or to grey (Rec. 601 luma; grey pixels keep their exact value).
    for (let x = 0, from = 4 * y * width; x < width; x++, from += 4) {
      const opacity = data[from + 3] / 255;
      if (channels === 1) line[x] = ((299 * data[from] + 587 * data[from + 1] + 114 * data[from + 2]) / 1000) * opacity;
      else for (let c = 0; c < 3; c++) line[3 * x + c] = data[from + c] * opacity;
    }
    apply(columns, line, channels, narrow.subarray(y * newWidth * channels));
  }
  const small = new Uint8ClampedArray(newHeight * newWidth * channels);
  apply(place(height, newHeight), narrow, newWidth * channels, small);
  return small;
}

// The filters that libvips has, by which the trainer resizes: Lanczos (3 lobes) to shrink, cubic (Catmull-Rom) to grow,
// there half a new pixel to the side. An axis of `from` pixels becomes one of `whole`; for each of `to` of them, from the
// one at `start`: the first pixel that counts for it, and the weights from there.
function filter(from, whole, to, start) {
  const step = from / whole;
  const reach = Math.max(step, 1);
  const sinc = (x) => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
  const lanczos = (x) => sinc(x) * sinc(x / 3);
  const cubic = (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((2.5 - 0.5 * x) * x - 4) * x + 2);
  const [weigh, lobes] = step < 1 ? [cubic, 2] : [lanczos, 3];
  return Array.from({ length: to }, (_, i) => {
    const centre = (start + i + (step < 1 ? 0 : 0.5)) * step - 0.5;
    const first = Math.ceil(centre - lobes * reach);
    const last = Math.floor(centre + lobes * reach);
    const weights = Array.from({ length: last - first + 1 }, (_, j) => weigh(Math.abs(first + j - centre) / reach));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

// Puts a filter on the first axis of [from][inner]; behind an edge its own pixels go on.
function apply(pixels, values, inner, result) {
  const last = values.length / inner - 1;
  pixels.forEach(({ first, weights }, i) => {
    for (let n = 0; n < inner; n++) {
      let sum = 0;
      for (let j = 0; j < weights.length; j++) {
        sum += weights[j] * values[Math.min(last, Math.max(0, first + j)) * inner + n];
      }
      result[i * inner + n] = sum;
    }
  });
}
