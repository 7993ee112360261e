/**
 * The technician's port of a switch: an interface of the switch zone that no cable of the rack leads to, and whoever stands before the
 * rack plugs in. Its prefix is announced to nobody, and the switch's program knows nothing of it.
 */
import { Link, type Port } from '@lodestone/link'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import type { World } from './world.ts'

export const SETUP_PORT = 80
const MTU_BYTES = 1500

/** Of the switch zone on the port; a laptop there is the next one. */
export function technicianAddress(slot: number): Ip {
  return Ip.of(`fdb2:0:0:${(slot + 1).toString(16)}::1`)
}

/** Gives a switch zone the port, with the cable in it. */
export function openTechnicianPort(name: string, slot: number, zone: Netstack, world: World): Link {
  const { clock, random, arena, tracer } = world
  const link = new Link({
    name: `technician-${name}`,
    a: 'technician/nic0',
    b: `${name}/techport0`,
    clock,
    random,
    arena,
    tracer,
    mtuBytes: MTU_BYTES,
  })
  zone.addInterface({
    name: 'techport0',
    port: link.b,
    mac: Mac.fromNumber(0xa84025_060000 + slot),
    mtuBytes: MTU_BYTES,
    addresses: [new Prefix(technicianAddress(slot), 64)],
  })
  return link
}

/** A technician's laptop on the cable. */
export function technicianLaptop(port: Port, slot: number, world: World): Netstack {
  const { clock, random, arena, tracer } = world
  const laptop = new Netstack({ name: 'technician', clock, random, arena, tracer })
  laptop.addInterface({
    name: 'nic0',
    port,
    mac: Mac.fromNumber(0x02005e_00ff00 + slot),
    mtuBytes: MTU_BYTES,
    addresses: [new Prefix(technicianAddress(slot).plus(1), 64)],
  })
  return laptop
}
