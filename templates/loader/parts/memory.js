/**
 * Memory behind the kernels' own data: `reserve(bytes)` gives the address of a piece of it, `bytesAt` and `floatsAt` give views.
 * `keep()` returns a function that frees what was reserved after it.
 */
export function memoryOf({ memory, __heap_base }) {
  let top = __heap_base.value;
  return {
    reserve(bytes) {
      const at = Math.ceil(top / 16) * 16;
      top = at + bytes;
      const missing = Math.ceil((top - memory.buffer.byteLength) / 65536);
      if (missing > 0) memory.grow(missing);
      return at;
    },
    bytesAt: (at, bytes) => new Uint8Array(memory.buffer, at, bytes),
    floatsAt: (at, length) => new Float32Array(memory.buffer, at, length),
    keep() {
      const kept = top;
      return () => {
        top = kept;
      };
    },
  };
}
