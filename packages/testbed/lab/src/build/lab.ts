/**
 * The program that is a topology: nodes, links, groups, profiles, tests. It builds a `LabDocument` and nothing else; `run` makes a
 * command of it.
 */
import type { Impairments, LinkProfileName } from '@lodestone/link'
import { LINK_PROFILES, type LossModel } from '@lodestone/link'
import { fileURLToPath } from 'node:url'
import type { LabTest } from '../check/lab-test.ts'
import type { DeviceBehaviour } from '../runtime/device-node.ts'
import type { LossDocument, LossPredicate } from '../runtime/loss-source.ts'
import {
  type Fault,
  type ImpairmentsDocument,
  LabDocument,
  type LabDocumentInput,
  type LinkDocument,
  type NodeDocument,
  type NodeOf,
} from '../document/document.ts'

type NodeInput = LabDocumentInput['nodes'][string]
type InputOf<Kind extends NodeDocument['kind']> = Omit<Extract<NodeInput, { kind: Kind }>, 'kind'>

/** One end of a link to be. */
export interface Endpoint {
  readonly node: string
  /** Absent: the next free one. */
  readonly port: string | undefined
}

/** A node of the program: give it to `link`, or one of its ports. */
export class LabNode implements Endpoint {
  readonly node: string
  readonly port = undefined

  constructor(name: string) {
    this.node = name
  }

  /** A port by its name; of a switch, by its number. */
  at(port: string | number): Endpoint {
    return { node: this.node, port: String(port) }
  }
}

export class RackHandle extends LabNode {
  /** A front port of one of the two switches. */
  uplink(switchIndex: 0 | 1, port: number): Endpoint {
    return { node: `${this.node}-switch${switchIndex}`, port: `qsfp${port}` }
  }
}

/** A host's address in short: of `eth0`. Everything else as in the document. */
export type HostInput = InputOf<'host'> & { readonly address?: string; readonly gateway?: string }
export type NamespaceInput = InputOf<'namespace'> & { readonly address?: string; readonly gateway?: string }
export type MachineInput = InputOf<'machine'> & { readonly address?: string; readonly gateway?: string }
export type SwitchInput = Omit<InputOf<'switch'>, 'program'> & { readonly program: string | URL }

/** What a link does to frames; which ones it loses may be said by a filter of captures, or by a function of the program. */
export type LinkImpairments = Omit<Partial<Impairments>, 'lossModel'> & {
  readonly lossModel?: LossModel | Extract<LossDocument, { kind: 'filter' }> | undefined
}

/** A link in full: a profile, impairments over it, and its other properties. */
export interface FullLinkShape {
  readonly profile?: string
  readonly both?: LinkImpairments
  readonly aToB?: LinkImpairments
  readonly bToA?: LinkImpairments
  readonly mtuBytes?: number
  readonly groups?: readonly string[]
  readonly isUp?: boolean
}

/** A profile's name, the impairments of both directions, or everything. */
export type LinkShape = LinkProfileName | (string & {}) | LinkImpairments | FullLinkShape

const SHAPE_KEYS = new Set(['profile', 'both', 'aToB', 'bToA', 'mtuBytes', 'groups', 'isUp'])

export class Lab {
  readonly name: string
  readonly tests: LabTest[] = []
  readonly behaviours = new Map<string, DeviceBehaviour>()
  /** Functions that say which frames are lost, by the names that the document has for them. */
  readonly predicates = new Map<string, LossPredicate>()
  readonly #nodes = new Map<string, NodeInput>()
  readonly #links = new Map<string, Omit<LinkDocument, 'isUp' | 'groups'> & { isUp?: boolean; groups?: string[] }>()
  readonly #profiles: NonNullable<LabDocumentInput['profiles']> = {}
  readonly #timeline: { atMs: number; fault: Fault }[] = []
  #latenessBoundMs: number | undefined

  constructor(name: string) {
    this.name = name
  }

  /** A TCP/IP host inside the process. */
  host(name: string, options: HostInput = {}): LabNode {
    return this.#add(name, { kind: 'host', ...short(options) })
  }

  /** A host that forwards, and speaks BGP or DDM where it is told to. */
  router(name: string, options: HostInput = {}): LabNode {
    return this.#add(name, { kind: 'host', forwarding: true, ...short(options) })
  }

  /** A switch with any P4 program: a file, or the name of one that comes along (`hub`, `router`, `ndn`, `switch`). */
  switch(name: string, options: SwitchInput): LabNode {
    const { program, ...rest } = options
    return this.#add(name, {
      kind: 'switch',
      program: program instanceof URL ? fileURLToPath(program) : program,
      ...rest,
    })
  }

  /** Sleds and two switches with the rack's own P4 program and its daemons. */
  rack(name: string, options: InputOf<'rack'> = {}): RackHandle {
    this.#add(name, { kind: 'rack', ...options })
    return new RackHandle(name)
  }

  /** An instance on a sled of a rack, behind its packet engine. */
  guest(name: string, options: InputOf<'guest'>): LabNode {
    return this.#add(name, { kind: 'guest', ...options })
  }

  /** A network namespace of Linux: any program can run in it. Needs root. */
  namespace(name: string, options: NamespaceInput = {}): LabNode {
    return this.#add(name, { kind: 'namespace', ...short(options) })
  }

  /** A virtual machine under QEMU. */
  machine(name: string, options: MachineInput = {}): LabNode {
    return this.#add(name, { kind: 'machine', ...short(options) })
  }

  /** A network interface of this machine, or a tunnel to another process. */
  external(name: string, attach: NodeOf<'external'>['attach']): LabNode {
    return this.#add(name, { kind: 'external', attach })
  }

  /** A node that a function of this program plays: it gets the node's frames and sends others, whatever protocol they speak. */
  device(name: string, behaviour: DeviceBehaviour): LabNode {
    this.behaviours.set(name, behaviour)
    return this.#add(name, { kind: 'device' })
  }

  /** A kind of link under a name of its own. */
  profile(name: string, impairments: LinkImpairments, detail = ''): this {
    this.#profiles[name] = { detail, impairments: this.#plain(`profile:${name}`, impairments) }
    return this
  }

  /** Gives nodes and links a name in common, for faults and captures. */
  group(name: string, members: readonly (LabNode | string)[]): this {
    for (const member of members) {
      const key = typeof member === 'string' ? member : member.node
      const target = this.#nodes.get(key) ?? this.#links.get(key)
      if (target === undefined) throw new Error(`group ${name}: there is no node or link ${key}`)
      target.groups = [...(target.groups ?? []), name]
    }
    return this
  }

  /** A cable. @returns its name: `left-right`, and `left-right-2` for the next one between the same nodes. */
  link(a: Endpoint, b: Endpoint, shape: LinkShape = {}, name?: string): string {
    const base = name ?? `${a.node}-${b.node}`
    let key = base
    for (let i = 2; name === undefined && this.#links.has(key); i++) key = `${base}-${i}`
    if (this.#links.has(key)) throw new Error(`two links are called ${key}`)
    const ends = { a: this.#end(a), b: this.#end(b) }
    const [left, right] = [ends.a, ends.b]
    this.#links.set(key, { a: left, b: right, ...this.#shape(key, shape) })
    return key
  }

  /** What happens to the running laboratory, and when: milliseconds after its start. */
  at(atMs: number, fault: Fault): this {
    this.#timeline.push({ atMs, fault })
    return this
  }

  /** How late frames may be before an experiment counts as invalid. */
  latenessBound(boundMs: number): this {
    this.#latenessBoundMs = boundMs
    return this
  }

  /** A claim about the laboratory, for the command `test`. */
  test(name: string, run: LabTest['run'], options: { readonly timeoutMs?: number } = {}): this {
    this.tests.push({ name, run, timeoutMs: options.timeoutMs ?? 60_000 })
    return this
  }

  /** The topology as data. Throws with sentences where it contradicts itself. */
  document(): LabDocument {
    const result = LabDocument.safeParse({
      name: this.name,
      profiles: this.#profiles,
      nodes: Object.fromEntries(this.#nodes),
      links: Object.fromEntries(this.#links),
      timeline: this.#timeline,
      ...(this.#latenessBoundMs === undefined ? {} : { latenessBoundMs: this.#latenessBoundMs }),
    })
    if (result.success) return result.data
    throw new Error(result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
  }

  #add(name: string, node: NodeInput): LabNode {
    if (this.#nodes.has(name)) throw new Error(`two nodes are called ${name}`)
    this.#nodes.set(name, node)
    return new LabNode(name)
  }

  #end({ node: name, port }: Endpoint): string {
    const node = this.#nodes.get(name)
    // A switch of a rack, whose ports are the rack's business.
    if (node === undefined) return `${name}:${port ?? ''}`
    if (node.kind === 'switch') {
      const number = port === undefined ? this.#freePort(node.ports ?? []) : Number(port)
      node.ports = [...new Set([...(node.ports ?? []), number])]
      return `${name}:${number}`
    }
    if (node.kind === 'external') return `${name}:${port ?? 'port'}`
    if (node.kind === 'device') {
      const used = new Set([...this.#links.values()].flatMap(({ a, b }) => [a, b]))
      let wanted = port
      for (let i = 0; wanted === undefined; i++) if (!used.has(`${name}:port${i}`)) wanted = `port${i}`
      return `${name}:${wanted}`
    }
    if (node.kind === 'rack' || node.kind === 'guest')
      throw new Error(`${name} has no port of its own: use an uplink of its rack`)
    const interfaces = (node.interfaces ??= {})
    const used = new Set([...this.#links.values()].flatMap(({ a, b }) => [a, b]))
    let wanted = port
    for (let i = 0; wanted === undefined; i++) if (!used.has(`${name}:eth${i}`)) wanted = `eth${i}`
    interfaces[wanted] ??= {}
    return `${name}:${wanted}`
  }

  /** As the document holds it: of a function the name. */
  #plain(place: string, { lossModel, ...impairments }: LinkImpairments): ImpairmentsDocument {
    const kept = Object.entries(impairments).filter(([, value]) => value !== undefined && value !== Infinity)
    const rest: ImpairmentsDocument = Object.fromEntries(kept)
    if (lossModel === undefined) return rest
    // because the schema checks it, and lists in documents are only read
    if (lossModel.kind !== 'predicate') return { ...rest, lossModel: lossModel as LossDocument }
    this.predicates.set(place, lossModel.isLost)
    return { ...rest, lossModel: { kind: 'function', name: place } }
  }

  #freePort(taken: readonly number[]): number {
    for (let port = 1; ; port++) if (!taken.includes(port)) return port
  }

  #shape(
    link: string,
    shape: LinkShape,
  ): Omit<LinkDocument, 'a' | 'b' | 'isUp' | 'groups'> & { isUp?: boolean; groups?: string[] } {
    if (typeof shape === 'string') {
      if (!Object.hasOwn(LINK_PROFILES, shape) && !Object.hasOwn(this.#profiles, shape)) {
        const known = [...Object.keys(LINK_PROFILES), ...Object.keys(this.#profiles)].join(', ')
        throw new Error(`there is no link profile ${shape}; there are ${known}`)
      }
      return { profile: shape }
    }
    if (!isWrapped(shape)) return Object.keys(shape).length === 0 ? {} : { both: this.#plain(link, shape) }
    const { profile, both, aToB, bToA, mtuBytes, groups, isUp } = shape
    return {
      ...(profile === undefined ? {} : { profile }),
      ...(both === undefined ? {} : { both: this.#plain(link, both) }),
      ...(aToB === undefined ? {} : { aToB: this.#plain(`${link}:a-to-b`, aToB) }),
      ...(bToA === undefined ? {} : { bToA: this.#plain(`${link}:b-to-a`, bToA) }),
      ...(mtuBytes === undefined ? {} : { mtuBytes }),
      ...(groups === undefined ? {} : { groups: [...groups] }),
      ...(isUp === undefined ? {} : { isUp }),
    }
  }
}

function isWrapped(shape: LinkImpairments | FullLinkShape): shape is FullLinkShape {
  return Object.keys(shape).some((key) => SHAPE_KEYS.has(key))
}

/** A new laboratory. The name is its namespace on this machine: small letters, digits, hyphens. */
export function lab(name: string): Lab {
  return new Lab(name)
}

function short<
  T extends {
    readonly address?: string
    readonly gateway?: string
    readonly interfaces?: InputOf<'host'>['interfaces']
    readonly routes?: InputOf<'host'>['routes']
  },
>(options: T): Omit<T, 'address' | 'gateway'> {
  const { address, gateway, ...rest } = options
  const eth0 = rest.interfaces?.['eth0']
  const interfaces =
    address === undefined
      ? rest.interfaces
      : { ...rest.interfaces, eth0: { ...eth0, addresses: [address, ...(eth0?.addresses ?? [])] } }
  const everywhere = gateway?.includes(':') === true ? '::/0' : '0.0.0.0/0'
  const routes = gateway === undefined ? rest.routes : [...(rest.routes ?? []), { to: everywhere, via: gateway }]
  return {
    ...rest,
    ...(interfaces === undefined ? {} : { interfaces }),
    ...(routes === undefined ? {} : { routes }),
  }
}
