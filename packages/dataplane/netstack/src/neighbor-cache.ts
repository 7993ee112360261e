/**
 * The neighbors of a stack: who is at which MAC address, per interface; resolves with NDP or ARP, keeps packets while
 * it waits, and says so when nobody answers. Bounded: the least recently used idle entry makes room.
 */
import { Ip, Mac } from '@lodestone/net'
import type { Timer } from '@lodestone/host'
import { type AddressKey, AddressMap, keyOf, MAPPED_WORD } from './address-map.ts'
import { sendArpRequest } from './arp.ts'
import { NS_DROP } from './drop.ts'
import type { Interface } from './interface.ts'
import { sendNeighborSolicit } from './ndp.ts'
import {
  hasMac,
  type Neighbor,
  type NeighborState,
  onAnswer,
  onDue,
  onHeard,
  onResolve,
  onUse,
  QUEUE_LENGTH,
} from './neighbor.ts'
import type { Stack } from './stack.ts'

const LIMIT = 2048

export interface NeighborEntry {
  readonly interface: string
  readonly address: Ip
  /** Undefined while it is being asked for. */
  readonly mac: string | undefined
  readonly state: NeighborState
  readonly isRouter: boolean
}

/** Told when an address becomes known, changes or is confirmed, and with undefined when it is forgotten. */
export type NeighborWatcher = (interfaceName: string, ip: Ip, mac: Mac | undefined) => void

export class NeighborCache {
  readonly #stack: Stack
  readonly #watchers = new Set<NeighborWatcher>()
  readonly #map = new AddressMap()
  readonly #entries: (Neighbor | undefined)[] = []
  readonly #free: number[] = []
  #timer: Timer | undefined
  #armedForMs = Infinity

  constructor(stack: Stack) {
    this.#stack = stack
  }

  /** @returns unsubscribe. */
  watch(fn: NeighborWatcher): () => void {
    this.#watchers.add(fn)
    return () => void this.#watchers.delete(fn)
  }

  /** Asks for an address without a packet to send. Watchers get the answer, also when it was known before. */
  resolve(iface: Interface, ip: Ip): void {
    const neighbor = this.obtain(iface, keyOf(ip))
    if (neighbor === undefined) return
    onUse(neighbor, this.#stack.nowMs)
    if (hasMac(neighbor)) this.#notify(neighbor)
    else if (onResolve(neighbor, this.#stack.nowMs) === 'solicit') this.#solicit(neighbor, false)
    this.#arm(neighbor.dueMs)
  }

  find(iface: Interface, key: AddressKey): Neighbor | undefined {
    const index = this.#map.get(iface.index, key)
    return index < 0 ? undefined : this.#entries[index]
  }

  /** The entry for an address, made if need be; undefined when the table is full of entries in use. */
  obtain(iface: Interface, key: AddressKey): Neighbor | undefined {
    const known = this.find(iface, key)
    if (known !== undefined) return known
    if (this.#map.size >= LIMIT && !this.#evict()) return undefined
    const neighbor: Neighbor = {
      ip: ipOf(key),
      key: key.slice(0, 4),
      interface: iface,
      mac: new Uint8Array(6),
      state: 'incomplete',
      isRouter: false,
      solicits: 0,
      dueMs: Infinity,
      confirmedMs: -Infinity,
      usedMs: this.#stack.nowMs,
      queue: new Int32Array(QUEUE_LENGTH),
      queued: 0,
    }
    const index = this.#free.pop() ?? this.#entries.length
    this.#entries[index] = neighbor
    this.#map.set(iface.index, neighbor.key, index)
    return neighbor
  }

  /** Sends a packet (a slot that starts at its IP header) to a neighbor, now or when it has answered. */
  output(neighbor: Neighbor, slot: number): void {
    onUse(neighbor, this.#stack.nowMs)
    if (neighbor.state === 'delay') this.#arm(neighbor.dueMs)
    if (hasMac(neighbor)) return this.#stack.transmitIp(neighbor.interface, neighbor.mac, 0, slot)
    if (neighbor.queued === QUEUE_LENGTH) return this.#stack.drop(slot, NS_DROP.NEIGHBOR_QUEUE)
    neighbor.queue[neighbor.queued++] = slot
    if (onResolve(neighbor, this.#stack.nowMs) === 'solicit') this.#solicit(neighbor, false)
    this.#arm(neighbor.dueMs)
  }

  /** It answered: what waits is sent. `mac` holds six bytes at `at`. */
  answered(neighbor: Neighbor, mac: Uint8Array, at: number, isOverride: boolean): void {
    onAnswer(neighbor, mac, at, isOverride, this.#stack.nowMs)
    this.#release(neighbor)
  }

  heard(neighbor: Neighbor, mac: Uint8Array, at: number): void {
    onHeard(neighbor, mac, at)
    this.#release(neighbor)
  }

  /** A fixed entry that never expires and is never asked for. */
  setPermanent(iface: Interface, ip: Ip, mac: Mac): void {
    const neighbor = this.obtain(iface, keyOf(ip))
    if (neighbor === undefined) throw new Error('the neighbor table is full')
    neighbor.mac.set(mac.bytes)
    neighbor.state = 'permanent'
    neighbor.dueMs = Infinity
    this.#release(neighbor)
  }

  /** Forgets one neighbor; packets that wait for it are dropped. */
  remove(iface: Interface, ip: Ip): void {
    const index = this.#map.get(iface.index, keyOf(ip))
    if (index >= 0) this.#remove(index)
  }

  /** Forgets what was learnt on an interface that went down. */
  flush(iface: Interface): void {
    for (let i = 0; i < this.#entries.length; i++) {
      const neighbor = this.#entries[i]
      if (neighbor?.interface === iface && neighbor.state !== 'permanent') this.#remove(i)
    }
  }

  dump(): NeighborEntry[] {
    const entries: NeighborEntry[] = []
    for (const neighbor of this.#entries) {
      if (neighbor === undefined) continue
      entries.push({
        interface: neighbor.interface.name,
        address: neighbor.ip,
        mac: hasMac(neighbor) ? Array.from(neighbor.mac, hexByte).join(':') : undefined,
        state: neighbor.state,
        isRouter: neighbor.isRouter,
      })
    }
    return entries.sort((a, b) => compareText(a.interface, b.interface) || a.address.compare(b.address))
  }

  close(): void {
    this.#timer?.cancel()
    for (let i = 0; i < this.#entries.length; i++) if (this.#entries[i] !== undefined) this.#remove(i)
  }

  #release(neighbor: Neighbor): void {
    if (!hasMac(neighbor)) return
    const count = neighbor.queued
    neighbor.queued = 0
    for (let i = 0; i < count; i++) {
      this.#stack.transmitIp(neighbor.interface, neighbor.mac, 0, neighbor.queue[i]!)
    }
    this.#notify(neighbor)
  }

  #notify(neighbor: Neighbor): void {
    if (this.#watchers.size === 0) return
    const mac = hasMac(neighbor) ? Mac.fromBytes(neighbor.mac) : undefined
    for (const watcher of this.#watchers) watcher(neighbor.interface.name, neighbor.ip, mac)
  }

  #solicit(neighbor: Neighbor, isUnicast: boolean): void {
    if (neighbor.ip.family === 4) sendArpRequest(this.#stack, neighbor, isUnicast)
    else sendNeighborSolicit(this.#stack, neighbor, isUnicast)
  }

  #arm(dueMs: number): void {
    if (dueMs >= this.#armedForMs) return
    this.#timer?.cancel()
    this.#armedForMs = dueMs
    this.#timer = this.#stack.clock.after(dueMs - this.#stack.nowMs, this.#tick)
  }

  readonly #tick = (): void => {
    const stack = this.#stack
    stack.enter()
    const nowMs = Math.max(stack.nowMs, this.#armedForMs)
    this.#armedForMs = Infinity
    let nextMs = Infinity
    for (let i = 0; i < this.#entries.length; i++) {
      const neighbor = this.#entries[i]
      if (neighbor === undefined) continue
      if (neighbor.dueMs <= nowMs) this.#onDue(i, neighbor, nowMs)
      if (this.#entries[i] === neighbor) nextMs = Math.min(nextMs, neighbor.dueMs)
    }
    this.#arm(nextMs)
    stack.leave()
  }

  #onDue(index: number, neighbor: Neighbor, nowMs: number): void {
    switch (onDue(neighbor, nowMs)) {
      case 'solicit':
        return this.#solicit(neighbor, false)
      case 'probe':
        return this.#solicit(neighbor, true)
      case 'fail': {
        const waiting = neighbor.queue.slice(0, neighbor.queued)
        neighbor.queued = 0
        this.#remove(index)
        for (const slot of waiting) this.#stack.neighborFailed(slot)
        return
      }
      case 'none':
    }
  }

  #evict(): boolean {
    let oldest = -1
    for (let i = 0; i < this.#entries.length; i++) {
      const neighbor = this.#entries[i]
      if (neighbor === undefined || neighbor.state === 'permanent' || neighbor.queued > 0) continue
      if (oldest < 0 || neighbor.usedMs < this.#entries[oldest]!.usedMs) oldest = i
    }
    if (oldest >= 0) this.#remove(oldest)
    return oldest >= 0
  }

  #remove(index: number): void {
    const neighbor = this.#entries[index]!
    for (let i = 0; i < neighbor.queued; i++) {
      this.#stack.drop(neighbor.queue[i]!, NS_DROP.NEIGHBOR_UNREACHABLE)
    }
    neighbor.queued = 0
    neighbor.state = 'gone' // next hops that remember it look again
    this.#notify(neighbor)
    this.#map.delete(neighbor.interface.index, neighbor.key)
    this.#entries[index] = undefined
    this.#free.push(index)
  }
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** The address of a key. */
export function ipOf(key: AddressKey): Ip {
  if (key[0] === 0 && key[1] === 0 && key[2] === MAPPED_WORD) return Ip.v4(key[3]! >>> 0)
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 4; i++) view.setInt32(i * 4, key[i]!)
  return Ip.fromBytes(bytes, 0, 16)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
