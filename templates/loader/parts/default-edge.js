/**
 * Where the bundle was fetched from, or what the manifest's field `edge` says: a URL, or a path there. Bundlers may turn a small
 * manifest into a data: URL, therefore the other files are looked at as well.
 */
export function defaultEdge(given, sources) {
  const source = sources.find((url) => /^https?:/.test(url));
  if (given !== undefined && (source || /^https?:/.test(given))) return new URL(given, source).href;
  return source ? new URL(source).origin : false;
}
