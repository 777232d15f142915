/**
 * Packs signs into bits: 1 for a value >= 0 (sign(0) = +1), least significant bit first, each row from a new byte.
 *
 * @param valueAt the value at a column of a row.
 * @returns [rows, ceil(columns / 8)] bytes; bits that fill a row's last byte are 0.
 */
export function packSigns(rows: number, columns: number, valueAt: (row: number, column: number) => number): Uint8Array {
  const rowBytes = Math.ceil(columns / 8);
  const bytes = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (valueAt(row, column) >= 0) bytes[row * rowBytes + (column >> 3)] |= 1 << (column & 7);
    }
  }
  return bytes;
}
