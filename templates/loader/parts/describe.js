/** A value as error messages name it: short, in one line, and never a whole array. */
export const describe = (value) =>
  value && /^(object|function)$/.test(typeof value)
    ? Object.prototype.toString.call(value)
    : String(value).replace(/\s+/g, ' ').slice(0, 60);
