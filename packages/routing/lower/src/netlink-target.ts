/**
 * The Linux kernel's route table as a target, by netlink: routes of one protocol number and metric in one table.
 *
 * Writes go in batches of one datagram, on which the kernel acts while it takes it: each request that fails is answered,
 * and the last one in any case. What others do to such routes arrives as notifications, except those of our own socket, which the
 * kernel keeps back. A link that goes away takes its routes with it silently, so every change of a link means 'anything'.
 *
 * Invariant: only routes with our table, protocol and metric are listed and removed.
 */
import {
  type Clock,
  decodeAnswer,
  decodeRoute,
  type KernelNetwork,
  type KernelNextHop,
  type KernelRoute,
  NetlinkFlag,
  netlinkMessages,
  type NetlinkSocket,
  NetlinkType,
  NetlinkWriter,
  RouteMessageType,
  type RouteOwner,
  RtGroup,
  writeDumpRoutes,
  writeRemoveRoute,
  writeSetRoute,
} from '@lodestone/host'
import type { Prefix } from '@lodestone/net'
import type { ForeignChange, ForwardingTarget, NextHop, ProgrammedRoute, RouteWrite, WriteResult } from './target.ts'

export interface NetlinkTargetOptions {
  readonly network: KernelNetwork
  readonly clock: Clock
  /** Marks routes as ours; nobody else on the host may use the same three. */
  readonly owner: RouteOwner
}

const BATCH = 256
/** The kernel has at most 255 in the answer of a dump's multipath attribute for us to compare. */
const MAX_NEXT_HOPS = 255
/** Datagrams of a dump read in one turn: some milliseconds. */
const DATAGRAMS_PER_TURN = 8
const ESRCH = 3
const OK: WriteResult = { ok: true }

export class NetlinkTarget implements ForwardingTarget {
  readonly name = 'kernel'
  readonly batchSize: number = BATCH
  readonly maxNextHops: number = MAX_NEXT_HOPS
  readonly resolvesInterfaces: boolean = true
  readonly #options: NetlinkTargetOptions
  readonly #writer = new NetlinkWriter(65_536)
  #socket: NetlinkSocket | undefined
  #sequence = 1

  constructor(options: NetlinkTargetOptions) {
    this.#options = options
  }

  /** The kernel finds the link to an address by itself; only a link-local one needs to be told. */
  keyOf({ via, interface: name }: NextHop): string {
    return via !== undefined && !via.isLinkLocal ? via.toString() : `${via ?? ''}%${name}`
  }

  async setRoute(prefix: Prefix, nextHops: readonly NextHop[]): Promise<WriteResult> {
    const [result] = await this.writeBatch([{ prefix, nextHops }])
    return result!
  }

  removeRoute(prefix: Prefix): Promise<WriteResult> {
    return this.setRoute(prefix, [])
  }

  async writeBatch(writes: readonly RouteWrite[]): Promise<readonly WriteResult[]> {
    const results = writes.map((): WriteResult => OK)
    const sent = this.#encode(writes, results)
    if (sent.length === 0) return results
    try {
      this.#socket ??= this.#options.network.openNetlink()
      this.#socket.send(this.#writer.bytes())
      this.#collect(this.#socket, writes, sent, results)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#socket?.close()
      this.#socket = undefined
      for (const i of sent) results[i] = { ok: false, reason: error.message }
    }
    // The next batch waits for a turn: others want theirs.
    await new Promise<void>((resolve) => this.#options.clock.after(0, resolve))
    return results
  }

  async list(): Promise<readonly ProgrammedRoute[] | undefined> {
    const { network, owner } = this.#options
    const routes: ProgrammedRoute[] = []
    let socket: NetlinkSocket | undefined
    try {
      socket = network.openNetlink()
      for (const family of [4, 6] as const) {
        const writer = new NetlinkWriter(64)
        writeDumpRoutes(writer, family, family, owner.table, owner.protocol)
        socket.send(writer.bytes())
        if (!(await this.#readDump(socket, routes))) return undefined
      }
    } catch {
      return undefined
    } finally {
      socket?.close()
    }
    return routes
  }

  watch(fn: (change: ForeignChange) => void): () => void {
    const { network, clock } = this.#options
    const groups = RtGroup.ipv4Route | RtGroup.ipv6Route
    this.#socket ??= network.openNetlink()
    const socket = network.openNetlink({
      groups,
      ignoredPort: this.#socket.port,
      onReadable: () => fn(this.#readNotifications(socket)),
    })
    let isScheduled = false
    const unwatch = network.onInterfaceChange(() => {
      if (isScheduled) return
      isScheduled = true
      // The routes of a link follow it a moment later.
      clock.after(LINK_SETTLES_MS, () => {
        isScheduled = false
        fn('anything')
      })
    })
    return () => {
      unwatch()
      socket.close()
    }
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  // --- writing ------------------------------------------------------------------------------------------------

  /** @returns which of the writes are in the datagram; the results of the others say why not. */
  #encode(writes: readonly RouteWrite[], results: WriteResult[]): readonly number[] {
    const { network, owner } = this.#options
    const writer = this.#writer
    writer.reset()
    const sent: number[] = []
    let given: readonly NextHop[] | undefined
    let hops: readonly KernelNextHop[] = []
    writes.forEach(({ prefix, nextHops }, i) => {
      if (nextHops.length === 0) writeRemoveRoute(writer, this.#sequence + sent.length, owner, prefix)
      else {
        // Prefixes that go the same way share the list.
        if (nextHops !== given) {
          given = nextHops
          hops = nextHops.map(({ via, interface: name }) => ({
            via,
            interfaceIndex: name === '' ? 0 : (network.interfaceIndex(name) ?? -1),
          }))
        }
        const missing = hops.findIndex(({ interfaceIndex }) => interfaceIndex < 0)
        if (missing >= 0) {
          results[i] = { ok: false, reason: `there is no interface ${nextHops[missing]!.interface}` }
          return
        }
        writeSetRoute(writer, this.#sequence + sent.length, owner, prefix, hops)
      }
      sent.push(i)
    })
    if (sent.length > 0) writer.addFlags(NetlinkFlag.ack)
    return sent
  }

  #collect(
    socket: NetlinkSocket,
    writes: readonly RouteWrite[],
    sent: readonly number[],
    results: WriteResult[],
  ): void {
    const first = this.#sequence
    const last = first + sent.length - 1
    this.#sequence = (last + 1) >>> 0 >= 0x7fff_0000 ? 1 : last + 1
    for (;;) {
      const datagram = socket.receive()
      if (datagram === undefined) throw new Error('the kernel did not answer')
      if (datagram === 'overrun') throw new Error('the kernel had no room for its answers')
      for (const message of netlinkMessages(datagram)) {
        if (message.type !== NetlinkType.error) continue
        const answer = decodeAnswer(message)
        const i = sent[message.sequence - first]
        if (answer === undefined || i === undefined) continue
        const isGone = answer.errno === ESRCH && writes[i]!.nextHops.length === 0
        if (answer.errno !== 0 && !isGone) results[i] = { ok: false, reason: describe(answer.errno, answer.text) }
        if (message.sequence === last) return
      }
    }
  }

  // --- reading ------------------------------------------------------------------------------------------------

  async #readDump(socket: NetlinkSocket, into: ProgrammedRoute[]): Promise<boolean> {
    for (let datagrams = 1; ; datagrams++) {
      const datagram = socket.receive()
      if (datagram === undefined || datagram === 'overrun') return false
      for (const message of netlinkMessages(datagram)) {
        if (message.type === NetlinkType.done) return true
        // A kernel that does not know the table yet has no routes in it.
        if (message.type === NetlinkType.error) return decodeAnswer(message)?.errno === ENOENT
        const route = message.type === RouteMessageType.add ? decodeRoute(message) : undefined
        if (route !== undefined && this.#isOurs(route)) into.push(this.#programmed(route))
      }
      if (datagrams % DATAGRAMS_PER_TURN === 0)
        await new Promise<void>((resolve) => this.#options.clock.after(0, resolve))
    }
  }

  #readNotifications(socket: NetlinkSocket): ForeignChange {
    const { table, priority } = this.#options.owner
    const changes: ProgrammedRoute[] = []
    for (;;) {
      const datagram = socket.receive()
      if (datagram === undefined) return changes
      if (datagram === 'overrun') return 'anything'
      for (const message of netlinkMessages(datagram)) {
        const { type } = message
        if (type !== RouteMessageType.add && type !== RouteMessageType.remove) continue
        const route = decodeRoute(message)
        if (route === undefined || route.table !== table || route.priority !== priority) continue
        const isOurs = type === RouteMessageType.add && this.#isOurs(route)
        changes.push(isOurs ? this.#programmed(route) : { prefix: route.prefix, nextHops: [] })
      }
    }
  }

  #isOurs({ table, protocol, priority }: KernelRoute): boolean {
    const { owner } = this.#options
    return table === owner.table && protocol === owner.protocol && priority === owner.priority
  }

  #programmed({ prefix, nextHops }: KernelRoute): ProgrammedRoute {
    const { network } = this.#options
    return {
      prefix,
      nextHops: nextHops.map(({ via, interfaceIndex }) => ({
        via,
        interface: network.interfaceName(interfaceIndex) ?? `#${interfaceIndex}`,
      })),
    }
  }
}

const ENOENT = 2
const LINK_SETTLES_MS = 50

/** The kernel's own words where it has some. */
function describe(errno: number, text: string | undefined): string {
  const name = ERRORS[errno] ?? `error ${errno}`
  return text === undefined ? name : `${name}: ${text}`
}

const ERRORS: Readonly<Record<number, string>> = {
  1: 'not permitted (CAP_NET_ADMIN is missing)',
  3: 'there is no such route',
  12: 'the kernel is out of memory',
  17: 'there is such a route already',
  19: 'there is no such interface',
  22: 'the kernel finds the request invalid',
  28: 'the table is full',
  95: 'the kernel cannot do that',
  100: 'the link is down',
  101: 'the next hop is not reachable',
  105: 'the kernel is out of buffers',
  113: 'the next hop is not reachable',
}
