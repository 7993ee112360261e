/** What the world calls the API of a silo: `<silo>.sys.<zone>`, where a zone is delegated to the rack. */

export function siloHostname(silo: string, dnsZone: string | undefined): string | undefined {
  return dnsZone === undefined ? undefined : `${silo}.sys.${dnsZone}`.toLowerCase()
}

/** The silo's label in such a name, in lower case. Without a known zone, any will do. */
export function siloOfHostname(hostname: string | undefined, dnsZone: string | undefined): string | undefined {
  if (hostname === undefined) return undefined
  const match = /^([a-z][a-z0-9-]*)\.sys\.(.+?)\.?$/.exec(hostname.toLowerCase())
  if (match === null || (dnsZone !== undefined && match[2] !== dnsZone.toLowerCase())) return undefined
  return match[1]
}
