/** For tests: hosts on links in virtual time, all in one arena. */
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { type Impairments, Link } from '@lodestone/link'
import { Mac, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { Netstack } from './netstack.ts'
import type { ReassemblyLimits } from './reassembly.ts'
import type { TcpParameters } from './tcp/tcb.ts'

export class TestNetwork {
  readonly clock = new VirtualClock()
  readonly arena: Arena
  readonly tracer = new Tracer(() => this.clock.nowMs())
  readonly random: SeededRandom
  readonly #hosts: Netstack[] = []
  #nextMac = 0x02_00_00_00_00_01

  constructor(seed = 1, slots = 4096) {
    this.arena = new Arena({ slots })
    this.random = new SeededRandom(seed)
  }

  host(
    name: string,
    options: { forwarding?: boolean; tcp?: Partial<TcpParameters>; reassembly?: Partial<ReassemblyLimits> } = {},
  ): Netstack {
    const { clock, random, arena, tracer } = this
    const host = new Netstack({ name, clock, random, arena, tracer, ...options })
    this.#hosts.push(host)
    return host
  }

  /** Joins two hosts; each gets an interface named as given, with the addresses given. */
  join(
    a: Netstack,
    aInterface: string,
    aAddresses: readonly string[],
    b: Netstack,
    bInterface: string,
    bAddresses: readonly string[],
    impairments: Partial<Impairments> = {},
    mtuBytes = 1500,
  ): Link {
    const { clock, random, arena, tracer } = this
    const name = `${a.name}-${b.name}-${aInterface}`
    const ends = { a: `${a.name}/${aInterface}`, b: `${b.name}/${bInterface}` }
    const link = new Link({ name, ...ends, clock, random, arena, tracer, impairments, mtuBytes })
    a.addInterface({
      name: aInterface,
      port: link.a,
      mac: this.mac(),
      mtuBytes,
      addresses: aAddresses.map((text) => Prefix.of(text)),
    })
    b.addInterface({
      name: bInterface,
      port: link.b,
      mac: this.mac(),
      mtuBytes,
      addresses: bAddresses.map((text) => Prefix.of(text)),
    })
    return link
  }

  mac(): Mac {
    return Mac.fromNumber(this.#nextMac++)
  }

  /** Closes all hosts, lets time pass, and says how many slots are still taken. */
  async leaked(): Promise<number> {
    for (const host of this.#hosts) host.close()
    await this.clock.advance(100_000)
    return this.arena.slots - this.arena.freeSlots
  }
}

/** Two hosts on one link: `left` 10.0.0.1, fd00::1 and `right` 10.0.0.2, fd00::2, interfaces `nic0`. */
export function pairOfHosts(
  impairments: Partial<Impairments> = {},
  seed = 1,
  tcp: Partial<TcpParameters> = {},
): { network: TestNetwork; left: Netstack; right: Netstack; link: Link } {
  const network = new TestNetwork(seed)
  const left = network.host('left', { tcp })
  const right = network.host('right', { tcp })
  const link = network.join(
    left,
    'nic0',
    ['10.0.0.1/24', 'fd00::1/64'],
    right,
    'nic0',
    ['10.0.0.2/24', 'fd00::2/64'],
    impairments,
  )
  return { network, left, right, link }
}
