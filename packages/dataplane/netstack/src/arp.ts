/** ARP for IPv4 over Ethernet (RFC 826): answers for the addresses of the interface, asks, learns from what it hears. */
import { Ip, Mac } from '@lodestone/net'
import {
  ARP_MIN,
  ARP_SENDER_MAC,
  ArpOperation,
  arpOperation,
  arpSenderIp,
  arpTargetIp,
  ETHERNET_MIN,
  EtherType,
  writeArp,
  writeEthernet,
} from '@lodestone/packet'
import { MAPPED_WORD } from './address-map.ts'
import { NS_DROP } from './drop.ts'
import type { Interface } from './interface.ts'
import type { Neighbor } from './neighbor.ts'
import type { Stack } from './stack.ts'

const sender = new Int32Array([0, 0, MAPPED_WORD, 0])

/** The checked ARP packet at `l3` of `slot`. */
export function arpInput(stack: Stack, iface: Interface, slot: number, l3: number): void {
  const { arena } = stack
  const { bytes } = arena
  const operation = arpOperation(bytes, l3)
  const senderIp = arpSenderIp(bytes, l3)
  const senderMac = l3 + ARP_SENDER_MAC
  const isOdd = operation !== ArpOperation.request && operation !== ArpOperation.reply
  // A group address cannot send, and 0.0.0.0 is a probe (RFC 5227) that teaches nothing.
  if (isOdd || (bytes[senderMac]! & 1) !== 0 || senderIp >>> 28 === 0xe) return stack.drop(slot, NS_DROP.ARP_INVALID)
  const target = ownAddress(iface, arpTargetIp(bytes, l3))
  sender[3] = senderIp
  const known = senderIp === 0 ? undefined : stack.neighbors.find(iface, sender)
  if (known !== undefined) {
    if (operation === ArpOperation.reply && target !== undefined)
      stack.neighbors.answered(known, bytes, senderMac, true)
    else stack.neighbors.heard(known, bytes, senderMac)
  } else if (target !== undefined && senderIp !== 0) {
    // Who asks for us will be spoken to next.
    const neighbor = stack.neighbors.obtain(iface, sender)
    if (neighbor !== undefined) stack.neighbors.heard(neighbor, bytes, senderMac)
  }
  const to = Mac.fromBytes(bytes, senderMac)
  if (operation === ArpOperation.request && target !== undefined) {
    sendArp(stack, iface, ArpOperation.reply, target, to, to, senderIp)
  }
  arena.free(slot)
}

export function sendArpRequest(stack: Stack, neighbor: Neighbor, isUnicast: boolean): void {
  const iface = neighbor.interface
  const source = stack.sourceFor(neighbor.ip, iface) ?? Ip.v4(0)
  const to = isUnicast ? Mac.fromBytes(neighbor.mac) : Mac.broadcast
  sendArp(stack, iface, ArpOperation.request, source, to, Mac.fromNumber(0), neighbor.ip.word(0))
}

/** RFC 5227 §3: an announcement is a request for one's own address. */
export function sendArpAnnouncement(stack: Stack, iface: Interface, ip: Ip): void {
  sendArp(stack, iface, ArpOperation.request, ip, Mac.broadcast, Mac.fromNumber(0), ip.word(0))
}

function sendArp(
  stack: Stack,
  iface: Interface,
  operation: number,
  source: Ip,
  to: Mac,
  targetMac: Mac,
  targetIp: number,
): void {
  if (!iface.isUp) return
  const { arena } = stack
  const slot = arena.alloc(ETHERNET_MIN + ARP_MIN)
  if (slot < 0) return stack.countDrop(NS_DROP.NO_SLOT)
  const start = arena.start(slot)
  writeEthernet(arena.bytes, start, { dst: to.bytes, src: iface.mac.bytes, etherType: EtherType.arp })
  writeArp(arena.bytes, start + ETHERNET_MIN, {
    operation,
    senderMac: iface.mac.bytes,
    senderIp: source.word(0),
    targetMac: targetMac.bytes,
    targetIp,
  })
  stack.noteSentFrame(slot, iface)
  iface.transmit(slot)
}

function ownAddress(iface: Interface, word: number): Ip | undefined {
  for (let i = 0; i < iface.prefixes.length; i++) {
    const ip = iface.prefixes[i]!.address
    if (ip.family === 4 && ip.word(0) === word) return ip
  }
  return undefined
}
