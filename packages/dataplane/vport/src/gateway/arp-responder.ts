/** Answers the guest's ARP requests (RFC 826) for the gateway; every other request gets silence. */
import type { Arena } from '@lodestone/frame'
import type { Ip, Mac } from '@lodestone/net'
import {
  ARP_MIN,
  arpOperation,
  ArpOperation,
  arpSenderIp,
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

export function answerArp(walk: Walk, arena: Arena, guest: Mac, gateway: Ip): Verdict {
  const arp = walk.row[ROW_L3]!
  const target = arpTargetIp(walk.bytes, arp)
  if (arpOperation(walk.bytes, arp) !== ArpOperation.request || target !== gateway.word(0)) {
    return walk.deny(Drop.arpOther, `ARP for ${formatIpv4(target)}; only ${gateway} is answered`)
  }
  const slot = newReply(arena, guest, EtherType.arp, ARP_MIN)
  if (slot < 0) return walk.deny(Drop.noBuffer, 'no buffer for the ARP reply')
  writeArp(arena.bytes, arena.start(slot) + ETHERNET_MIN, {
    operation: ArpOperation.reply,
    senderMac: GATEWAY_MAC.bytes,
    senderIp: target,
    targetMac: guest.bytes,
    targetIp: arpSenderIp(walk.bytes, arp),
  })
  walk.hairpin = slot
  walk.detail = `ARP: ${gateway} is at ${GATEWAY_MAC}`
  return Verdict.hairpin
}
