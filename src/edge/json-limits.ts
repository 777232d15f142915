import { AbusiveRequest } from './bad-request.js';

/** Bounds for the JSON of a request, which are checked before it is parsed. */
export interface JsonLimits {
  /** Nesting of objects and arrays. */
  readonly depth: number;
  readonly objects: number;
  readonly arrays: number;
  /** Elements of arrays and fields of objects, counted by their commas. */
  readonly elements: number;
  /** Fields of objects, counted by their colons. */
  readonly fields: number;
}

const [QUOTE, BACKSLASH, COMMA, COLON] = ['"', '\\', ',', ':'].map((text) => text.charCodeAt(0));
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = ['{', '}', '[', ']'].map((text) => text.charCodeAt(0));

/**
 * Refuses JSON that would cost far more memory and time to parse than its length suggests: a megabyte of `[[[` or `{},{},`
 * becomes hundreds of megabytes of objects. One pass over the bytes, without allocations; stops at the first excess.
 *
 * @param bytes UTF-8 (whose bytes beyond ASCII can't be mistaken for punctuation); need not be valid JSON
 * @throws AbusiveRequest
 */
export function checkJsonLimits(bytes: Uint8Array, limits: JsonLimits): void {
  let [depth, objects, arrays, elements, fields] = [0, 0, 0, 0, 0];
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
      continue;
    }
    if (byte === COMMA) {
      if (++elements > limits.elements) throw excess('elements', limits.elements);
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_ARRAY) {
      if (++arrays > limits.arrays) throw excess('arrays', limits.arrays);
      if (++depth > limits.depth) throw excess('levels of nesting', limits.depth);
    } else if (byte === OPEN_OBJECT) {
      if (++objects > limits.objects) throw excess('objects', limits.objects);
      if (++depth > limits.depth) throw excess('levels of nesting', limits.depth);
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COLON && ++fields > limits.fields) throw excess('fields', limits.fields);
  }
}

function excess(what: string, limit: number): AbusiveRequest {
  return new AbusiveRequest(`body: expected JSON with at most ${limit} ${what}, found more`, 'costly JSON');
}
