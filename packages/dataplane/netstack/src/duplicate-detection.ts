/**
 * Duplicate address detection (RFC 4862 §5.4): an address of an interface that wants it is asked for first, and assigned
 * when nobody answers for a second. Until then it is tentative: no packet is sent from it or taken for it.
 * NOT IMPLEMENTED: the random delay before the first probe, and the nonces of RFC 7527.
 */
import type { Timer } from '@lodestone/host'
import type { Ip, Prefix } from '@lodestone/net'
import type { Interface } from './interface.ts'
import { sendDuplicateProbe } from './ndp.ts'
import { solicitedNode, type Stack } from './stack.ts'

/** RFC 4861 §10 RETRANS_TIMER; one probe is sent (DupAddrDetectTransmits). */
const WAIT_MS = 1000

interface Tentative {
  readonly interface: Interface
  readonly prefix: Prefix
  readonly done: (isUnique: boolean) => void
  timer: Timer | undefined
}

export class DuplicateDetection {
  /** Addresses that somebody else had. */
  conflicts = 0
  readonly #stack: Stack
  readonly #tentative: Tentative[] = []

  constructor(stack: Stack) {
    this.#stack = stack
  }

  /** Assigns `prefix` to `iface` when nobody else has its address, and tells `done` whether it did. */
  start(iface: Interface, prefix: Prefix, done: (isUnique: boolean) => void): void {
    const ip = prefix.address
    if (iface.addresses.some((each) => each.equals(ip)) || this.find(iface, ip)) return
    iface.join(solicitedNode(ip))
    const entry: Tentative = { interface: iface, prefix, done, timer: undefined }
    this.#tentative.push(entry)
    if (iface.isUp) this.#probe(entry)
  }

  find(iface: Interface, ip: Ip): boolean {
    return this.#tentative.some((each) => each.interface === iface && each.prefix.address.equals(ip))
  }

  /** Somebody else claims or probes for an address of `iface`. @returns whether it was one that is being detected. */
  conflicted(iface: Interface, ip: Ip): boolean {
    const at = this.#tentative.findIndex((each) => each.interface === iface && each.prefix.address.equals(ip))
    if (at < 0) return false
    const entry = this.#tentative[at]!
    this.#remove(entry)
    this.conflicts++
    entry.done(false)
    return true
  }

  /** No longer wanted. */
  cancel(iface: Interface, ip: Ip): void {
    const entry = this.#tentative.find((each) => each.interface === iface && each.prefix.address.equals(ip))
    if (entry !== undefined) this.#remove(entry)
  }

  interfaceChanged(iface: Interface): void {
    for (const entry of this.#tentative) {
      if (entry.interface !== iface) continue
      entry.timer?.cancel()
      entry.timer = undefined
      if (iface.isUp) this.#probe(entry)
    }
  }

  close(): void {
    for (const entry of this.#tentative) entry.timer?.cancel()
    this.#tentative.length = 0
  }

  #probe(entry: Tentative): void {
    const stack = this.#stack
    stack.enter()
    sendDuplicateProbe(stack, entry.interface, entry.prefix.address)
    stack.leave()
    entry.timer = stack.clock.after(WAIT_MS, () => {
      this.#remove(entry)
      stack.addAddress(entry.interface, entry.prefix)
      entry.done(true)
    })
  }

  #remove(entry: Tentative): void {
    entry.timer?.cancel()
    this.#tentative.splice(this.#tentative.indexOf(entry), 1)
    entry.interface.leave(solicitedNode(entry.prefix.address))
  }
}
