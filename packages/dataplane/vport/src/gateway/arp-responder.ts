/**
 * Answers the guest's ARP requests (RFC 826) for the gateway; every other request gets silence. A guest that announces its own
 * address, or asks whether somebody else has it (RFC 5227 §1.1), does right, and nobody needs to know: that is consumed.
 */
import type { Arena } from '@lodestone/frame'
import type { Ip, Mac } from '@lodestone/net'
import {
  ARP_MIN,
  arpOperation,
  ArpOperation,
  arpSenderIp,
  arpSenderMacNumber,
  arpTargetIp,
  EtherType,
  formatIpv4,
  ROW_L3,
  writeArp,
  ETHERNET_MIN,
} from '@lodestone/packet'
import { Drop } from '../drop-reasons.ts'
import { Verdict, type Walk } from '../walk.ts'
import { GATEWAY_MAC } from './gateway-address.ts'
import { newReply } from './reply-frame.ts'

export interface ArpSide {
  readonly guest: Mac
  readonly gateway: Ip
  /** Whether the guest may say that an address is its own. */
  readonly isGuests: (ip: number) => boolean
}

export function answerArp(walk: Walk, arena: Arena, { guest, gateway, isGuests }: ArpSide): Verdict {
  const arp = walk.row[ROW_L3]!
  const target = arpTargetIp(walk.bytes, arp)
  const sender = arpSenderIp(walk.bytes, arp)
  const operation = arpOperation(walk.bytes, arp)
  if (arpSenderMacNumber(walk.bytes, arp) !== guest.toNumber()) {
    return walk.deny(Drop.spoofMac, 'the sender’s MAC address in the ARP packet is not the port’s')
  }
  const isProbe = sender === 0 && operation === ArpOperation.request && isGuests(target)
  const isAnnouncement = sender !== 0 && (sender === target || operation === ArpOperation.reply)
  if (isAnnouncement && !isGuests(sender)) {
    return walk.deny(Drop.spoofIp, `ARP announces ${formatIpv4(sender)}, which is not an address of this port`)
  }
  if (isProbe || isAnnouncement) {
    walk.detail = `ARP: the guest announces its own ${formatIpv4(isProbe ? target : sender)}`
    return Verdict.hairpin
  }
  if (operation !== ArpOperation.request || target !== gateway.word(0)) {
    return walk.deny(Drop.arpOther, `ARP for ${formatIpv4(target)}; only ${gateway} is answered`)
  }
  const slot = newReply(arena, guest, EtherType.arp, ARP_MIN)
  if (slot < 0) return walk.deny(Drop.noBuffer, 'no buffer for the ARP reply')
  writeArp(arena.bytes, arena.start(slot) + ETHERNET_MIN, {
    operation: ArpOperation.reply,
    senderMac: GATEWAY_MAC.bytes,
    senderIp: target,
    targetMac: guest.bytes,
    targetIp: sender,
  })
  walk.hairpin = slot
  walk.detail = `ARP: ${gateway} is at ${GATEWAY_MAC}`
  return Verdict.hairpin
}
