/**
 * Older versions of the interface. Clients pin the one they were generated from and send it as `api-version`; handlers know the newest shapes
 * only. What changed since is listed here, newest first: a body of an older client is brought up through the changes, oldest first, and a
 * response goes down through them.
 *
 * The list reaches back to 2026060800, the oldest version that a client in use pins (the Go SDK, and the Terraform provider with it).
 * NOT IMPLEMENTED: what changed before that; older versions are answered as that one is.
 */
import { ApiFailure, type Conversion } from '@lodestone/api'
import { NEXUS_API_VERSION, type NexusOperation } from '@lodestone/contract-nexus'

interface Change {
  /** What the change did. */
  readonly name: string
  /** The version that brought it. */
  readonly since: string
  readonly operations: readonly NexusOperation[]
  /** From the shape of before to that of since; gets any JSON, and leaves alone what it does not know. */
  readonly body?: (json: unknown) => unknown
  readonly response?: (value: unknown) => unknown
}

const CHANGES: readonly Change[] = [
  {
    name: 'numbered BGP peers may bind a source address',
    since: '2026081901.0.0',
    operations: ['networking_switch_port_settings_create', 'networking_switch_port_settings_view'],
    body: (json) => deeply(json, (node) => peerAddress(node, 'ip', 'target_addr')),
    response: (value) => deeply(value, (node) => peerAddress(node, 'target_addr', 'ip')),
  },
  {
    name: 'sleds tell their slot',
    since: '2026081200.0.0',
    operations: ['sled_list', 'sled_view'],
    response: (value) => deeply(value, (node) => ('baseboard' in node ? without(node, 'slot') : node)),
  },
  {
    name: 'IP pools are assigned to silos or to services',
    since: '2026061100.0.0',
    operations: ['system_ip_pool_list', 'system_ip_pool_create', 'system_ip_pool_view', 'system_ip_pool_update'],
    response: (value) => deeply(value, (node) => ('pool_type' in node ? without(node, 'assignment') : node)),
  },
]

/** Operations that came later than the oldest version of the list. */
const ADDED: Readonly<Partial<Record<NexusOperation, string>>> = {
  system_ip_pool_assign: '2026061100.0.0',
  networking_bgp_config_update: '2026061000.0.0',
}

/**
 * Checks the `api-version` header.
 * @param header null: the newest version.
 * @throws ApiFailure 400 when it is no version or a newer one than ours; 404 when the operation was not there yet.
 */
export function checkVersion(header: string | null, operationId: NexusOperation | undefined): void {
  if (header === null) return
  if (parsed(header) === undefined) throw refused(400, `unable to parse api-version header: "${header}"`)
  if (isBefore(NEXUS_API_VERSION, header)) throw refused(400, `server does not support this API version: ${header}`)
  const since = operationId === undefined ? undefined : ADDED[operationId]
  if (since !== undefined && isBefore(header, since)) throw refused(404, 'Not Found')
}

/** What to do with bodies and responses of an operation for a client of that version; undefined: nothing. */
export function conversionFor(header: string | null, operationId: NexusOperation): Conversion | undefined {
  if (header === null || parsed(header) === undefined) return undefined
  const changes = CHANGES.filter(({ since, operations }) => operations.includes(operationId) && isBefore(header, since))
  if (changes.length === 0) return undefined
  return {
    body: (json) => changes.reduceRight((shape, { body }) => body?.(shape) ?? shape, json),
    response: (value) => changes.reduce((shape, { response }) => response?.(shape) ?? shape, value),
  }
}

function refused(status: 400 | 404, message: string): ApiFailure {
  return new ApiFailure({ kind: 'protocol', status, message })
}

function parsed(version: string): readonly number[] | undefined {
  return /^(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number)
}

/** Of two versions that parse. */
function isBefore(version: string, other: string): boolean {
  const a = parsed(version)
  const b = parsed(other)
  if (a === undefined || b === undefined) return false
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i]! < b[i]! // because both have three parts
  return false
}

type Node = Readonly<Record<string, unknown>>

/** Every object of the value, innermost first, replaced by what `change` makes of it. */
function deeply(value: unknown, change: (node: Node) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => deeply(each, change))
  if (typeof value !== 'object' || value === null) return value
  return change(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deeply(each, change)])))
}

function peerAddress(node: Node, from: string, to: string): Node {
  if (node['type'] !== 'numbered' || !(from in node)) return node
  const { [from]: address, ...rest } = without(node, 'src_addr')
  return { ...rest, [to]: address }
}

function without(node: Node, key: string): Node {
  const { [key]: _, ...rest } = node
  return rest
}
