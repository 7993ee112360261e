/** Where a browser may be sent after a login: a path of our own origin, and nowhere else. */

/**
 * Undefined when `text` is not such a path. What browsers read as another origin is none: `//host`, `/\host`, and either with tabs or
 * line ends between, which they leave out.
 */
export function ownPath(text: string): string | undefined {
  // oxlint-disable-next-line no-control-regex
  return /^\/(?![/\\])[^\\\u0000-\u0020\u007f]*$/.test(text) ? text : undefined
}
