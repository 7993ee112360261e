/**
 * Multicast groups and clone sessions. A group is a list of nodes; a node sends a copy with its instance number to each
 * of its ports. This is the model of BMv2's replication engine; `setGroup` sets a group in one go.
 */
import { type ControlResult, done, refused } from './control-result.ts'

export interface GroupMember {
  readonly port: number
  /** What egress reads as `egress_rid` (v1model) or `instance` (psa). */
  readonly instance: number
}

/** Where clones go: to a port, to a group, or to both. */
export interface CloneSession {
  readonly port?: number
  readonly group?: number
  /** psa. */
  readonly classOfService?: number
  /** Clones are cut to this many bytes; none: whole. */
  readonly truncateBytes?: number
}

interface Node {
  readonly instance: number
  ports: readonly number[]
  group: number | undefined
}

const INSTANCE_MAX = 0xffff

export class Replication {
  readonly #groupMax: number
  readonly #sessionMax: number
  readonly #groups = new Map<number, number[]>()
  readonly #nodes = new Map<number, Node>()
  readonly #sessions = new Map<number, CloneSession>()
  readonly #members = new Map<number, Int32Array>()
  #nextHandle = 0

  /** Numbers of groups and sessions are 1, or 0, to these. */
  constructor(groupMax: number, sessionMax: number) {
    this.#groupMax = groupMax
    this.#sessionMax = sessionMax
  }

  createGroup(group: number): ControlResult {
    if (!Number.isInteger(group) || group < 1 || group > this.#groupMax) {
      return refused('outOfRange', `multicast group ${group}: groups are numbered 1 to ${this.#groupMax}`)
    }
    if (this.#groups.has(group)) return refused('exists', `multicast group ${group} exists`)
    this.#groups.set(group, [])
    this.#compile(group)
    return done
  }

  deleteGroup(group: number): ControlResult {
    const handles = this.#groups.get(group)
    if (handles === undefined) return this.#noGroup(group)
    for (const handle of handles) this.#nodes.get(handle)!.group = undefined
    this.#groups.delete(group)
    this.#members.delete(group)
    return done
  }

  /** @returns the handle by which the node is associated with a group. */
  createNode(
    instance: number,
    ports: readonly number[],
  ): { readonly ok: true; readonly handle: number } | (ControlResult & { readonly ok: false }) {
    if (!Number.isInteger(instance) || instance < 0 || instance > INSTANCE_MAX) {
      return refused('outOfRange', `instance ${instance}: instances are numbered 0 to ${INSTANCE_MAX}`)
    }
    const handle = this.#nextHandle++
    this.#nodes.set(handle, { instance, ports: sorted(ports), group: undefined })
    return { ok: true, handle }
  }

  updateNode(handle: number, ports: readonly number[]): ControlResult {
    const node = this.#nodes.get(handle)
    if (node === undefined) return this.#noNode(handle)
    node.ports = sorted(ports)
    if (node.group !== undefined) this.#compile(node.group)
    return done
  }

  deleteNode(handle: number): ControlResult {
    const node = this.#nodes.get(handle)
    if (node === undefined) return this.#noNode(handle)
    const { group } = node
    this.#nodes.delete(handle)
    if (group === undefined) return done
    this.#groups.set(
      group,
      this.#groups.get(group)!.filter((one) => one !== handle),
    )
    this.#compile(group)
    return done
  }

  associate(group: number, handle: number): ControlResult {
    const handles = this.#groups.get(group)
    if (handles === undefined) return this.#noGroup(group)
    const node = this.#nodes.get(handle)
    if (node === undefined) return this.#noNode(handle)
    if (node.group !== undefined) return refused('exists', `node ${handle} belongs to group ${node.group} already`)
    node.group = group
    handles.push(handle)
    this.#compile(group)
    return done
  }

  dissociate(group: number, handle: number): ControlResult {
    const handles = this.#groups.get(group)
    if (handles === undefined) return this.#noGroup(group)
    if (!handles.includes(handle)) return refused('notFound', `node ${handle} is not in multicast group ${group}`)
    this.#nodes.get(handle)!.group = undefined
    this.#groups.set(
      group,
      handles.filter((one) => one !== handle),
    )
    this.#compile(group)
    return done
  }

  /** Replaces the group by one with these members; no members: the group is deleted. */
  setGroup(group: number, members: readonly GroupMember[]): ControlResult {
    for (const handle of this.#groups.get(group) ?? []) this.#nodes.delete(handle)
    this.#groups.delete(group)
    this.#members.delete(group)
    if (members.length === 0) return done
    const created = this.createGroup(group)
    if (!created.ok) return created
    for (const { port, instance } of members) {
      const node = this.createNode(instance, [port])
      if (!node.ok) return node
      this.associate(group, node.handle)
    }
    return done
  }

  setSession(session: number, config: CloneSession): ControlResult {
    if (!Number.isInteger(session) || session < 0 || session > this.#sessionMax) {
      return refused('outOfRange', `clone session ${session}: sessions are numbered 0 to ${this.#sessionMax}`)
    }
    this.#sessions.set(session, config)
    return done
  }

  deleteSession(session: number): ControlResult {
    return this.#sessions.delete(session) ? done : refused('notFound', `there is no clone session ${session}`)
  }

  session(session: number): CloneSession | undefined {
    return this.#sessions.get(session)
  }

  /** Pairs of port and instance, in the order that copies are made; undefined: no such group. */
  members(group: number): Int32Array | undefined {
    return this.#members.get(group)
  }

  #compile(group: number): void {
    const pairs = this.#groups.get(group)!.flatMap((handle) => {
      const { ports, instance } = this.#nodes.get(handle)!
      return ports.flatMap((port) => [port, instance])
    })
    this.#members.set(group, Int32Array.from(pairs))
  }

  #noGroup(group: number): ControlResult & { readonly ok: false } {
    const known = [...this.#groups.keys()].join(', ')
    return refused('notFound', `there is no multicast group ${group}; there are: ${known || 'none'}`)
  }

  #noNode(handle: number): ControlResult & { readonly ok: false } {
    const known = [...this.#nodes.keys()].join(', ')
    return refused('notFound', `there is no multicast node ${handle}; there are: ${known || 'none'}`)
  }
}

function sorted(ports: readonly number[]): number[] {
  return [...new Set(ports)].sort((a, b) => a - b)
}
