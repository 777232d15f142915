// The kernels' integers: 7 bits behind the point in values, 14 in weights, and 6 in products.
const product = (value, weight) => (value * weight + 2 ** 14) >> 15;
const toLevel = (sum) => Math.min(255, Math.max(0, (sum + 32) >> 6));

/**
 * What `resample` needs, without WebAssembly: memory, and the kernels of kernels/cpp/src/resize.cpp in JavaScript. A level can
 * differ from theirs by one, because averages of blocks are rounded from other sums.
 */
export function scalarMemory() {
  let buffer = new ArrayBuffer(0);
  let top = 0;
  const bytesAt = (at, bytes) => new Uint8Array(buffer, at, bytes);
  const integersAt = (at, length) => new Int16Array(buffer, at, length);
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
    lcdnn_shrink_rgba(at, sumsAt, shrunkAt, width, channels, count, columns, rows) {
      const pixels = bytesAt(at, 4 * width * rows);
      for (let i = 0; i < pixels.length; i += 4) {
        const opacity = pixels[i + 3];
        if (opacity === 255) continue;
        for (let c = i; c < i + 3; c++) pixels[c] = Math.floor((pixels[c] * opacity + 127) / 255);
      }
      const sums = new Uint16Array(buffer, sumsAt, 4 * width).fill(0);
      for (let i = 0, x = 0; i < pixels.length; i++) {
        sums[x] += pixels[i];
        if (++x === sums.length) x = 0;
      }
      const scale = 128 / (columns * rows);
      const shrunk = integersAt(shrunkAt, (channels === 1 ? 1 : 4) * count);
      for (let i = 0; i < count; i++) {
        const sum = [0, 0, 0];
        for (let column = 0; column < columns; column++) {
          const x = 4 * Math.min(width - 1, i * columns + column);
          for (let c = 0; c < 3; c++) sum[c] += sums[x + c];
        }
        const [red, green, blue] = sum;
        if (channels === 1) shrunk[i] = Math.round(((299 * red + 587 * green + 114 * blue) * scale) / 1000);
        else shrunk.set([Math.round(red * scale), Math.round(green * scale), Math.round(blue * scale), 0], 4 * i);
      }
    },
    lcdnn_filter_rows(ringAt, weightsAt, lineAt, count, taps, first) {
      const ring = integersAt(ringAt, count * taps);
      const weights = integersAt(weightsAt, taps);
      const line = integersAt(lineAt, count);
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let tap = 0; tap < taps; tap++) sum += product(ring[((first + tap) % taps) * count + i], weights[tap]);
        line[i] = toLevel(sum) << 7;
      }
    },
    lcdnn_filter_columns(lineAt, weightsAt, firstAt, resultAt, channels, count, taps) {
      const depth = channels === 1 ? 1 : 4;
      const first = new Int32Array(buffer, firstAt, count);
      const weights = integersAt(weightsAt, count * taps);
      const result = bytesAt(resultAt, channels * count);
      for (let i = 0; i < count; i++) {
        const from = integersAt(lineAt + 2 * depth * first[i], depth * taps);
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let tap = 0; tap < taps; tap++) sum += product(from[tap * depth + c], weights[i * taps + tap]);
          result[i * channels + c] = toLevel(sum);
        }
      }
    },
  };
  return { kernels, reserve, bytesAt };
}
