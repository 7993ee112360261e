/**
 * Why something is desired: the requests that changed the rows which it is derived from. They travel with what is pushed and are no part
 * of its content, so that a request which changes nothing for a target makes it write nothing.
 */

/** What the contracts take. */
const MAX_CAUSES = 16

/**
 * Only of rows that had one: the rack's own services and set-up have none.
 * @param rows in the order of how closely what is desired depends on them; of requests at the same time the first one counts as the last.
 */
export function causesOf(...rows: readonly { readonly changed_by: string | null }[]): { causes?: string[] } {
  const causes = [...new Set(rows.flatMap(({ changed_by }) => changed_by ?? []))]
  return causes.length === 0 ? {} : { causes: causes.slice(0, MAX_CAUSES) }
}

/** JSON of what is pushed, without its causes. */
export function contentText(body: unknown): string {
  return JSON.stringify(body, (key, value: unknown) => (key === 'causes' ? undefined : value))
}
