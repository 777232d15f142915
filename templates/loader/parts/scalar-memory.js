/** Whole level of a value, ties to even: at this size a float32 has no digits for fractions. */
const toLevel = (value) => Math.fround(Math.min(255, Math.max(0, value)) + 2 ** 23) - 2 ** 23;

/**
 * What `resample` needs, without WebAssembly: memory, and the kernels of kernels/cpp/src/resize.cpp in JavaScript. A level can
 * differ from theirs by one, because the sums are rounded at other points.
 */
export function scalarMemory() {
  let buffer = new ArrayBuffer(0);
  let top = 0;
  const bytesAt = (at, bytes) => new Uint8Array(buffer, at, bytes);
  const floatsAt = (at, length) => new Float32Array(buffer, at, length);
  const reserve = (bytes) => {
    const at = Math.ceil(top / 16) * 16;
    top = at + bytes;
    if (top > buffer.byteLength) {
      const larger = new ArrayBuffer(2 * top);
      new Uint8Array(larger).set(new Uint8Array(buffer));
      buffer = larger;
    }
    return at;
  };

  const kernels = {
    lcdnn_flatten_rgba(at, count) {
      const pixels = bytesAt(at, 4 * count);
      for (let i = 0; i < pixels.length; i += 4) {
        const opacity = pixels[i + 3];
        if (opacity === 255) continue;
        for (let c = i; c < i + 3; c++) pixels[c] = Math.floor((pixels[c] * opacity + 127) / 255);
      }
    },
    lcdnn_shrink_rgba(at, sumsAt, shrunkAt, width, channels, first, count, columns, rows) {
      const pixels = bytesAt(at, 4 * width * rows);
      const sums = new Uint16Array(buffer, sumsAt, 4 * width).fill(0);
      for (let i = 0, x = 0; i < pixels.length; i++) {
        sums[x] += pixels[i];
        if (++x === sums.length) x = 0;
      }
      const size = columns * rows;
      const shrunk = floatsAt(shrunkAt, (channels === 1 ? 1 : 4) * count);
      for (let i = 0; i < count; i++) {
        const sum = [0, 0, 0];
        for (let column = 0; column < columns; column++) {
          const x = 4 * Math.min(width - 1, (first + i) * columns + column);
          for (let c = 0; c < 3; c++) sum[c] += sums[x + c];
        }
        const [red, green, blue] = sum;
        if (channels === 1) shrunk[i] = (299 * red + 587 * green + 114 * blue) / (1000 * size);
        else shrunk.set([red / size, green / size, blue / size, 0], 4 * i);
      }
    },
    lcdnn_filter_columns(shrunkAt, weightsAt, firstAt, lineAt, depth, count, taps) {
      const first = new Int32Array(buffer, firstAt, count);
      const weights = floatsAt(weightsAt, count * taps);
      const line = floatsAt(lineAt, depth * count);
      for (let i = 0; i < count; i++) {
        const from = floatsAt(shrunkAt + 4 * depth * first[i], depth * taps);
        for (let c = 0; c < depth; c++) {
          let sum = 0;
          for (let tap = 0; tap < taps; tap++) sum += weights[i * taps + tap] * from[tap * depth + c];
          line[i * depth + c] = toLevel(sum);
        }
      }
    },
    lcdnn_add_weighted_f32(lineAt, weight, resultAt, count) {
      const line = floatsAt(lineAt, count);
      const result = floatsAt(resultAt, count);
      for (let i = 0; i < count; i++) result[i] += weight * line[i];
    },
  };
  return { kernels, reserve, bytesAt, floatsAt };
}
