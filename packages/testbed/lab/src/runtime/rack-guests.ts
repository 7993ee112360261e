/**
 * Guests of racks: the least of a control plane that instances need, over the same contracts and the same underlay as the real one.
 * Each guest is stated to its sled's agent, its address to every sled, its floating address to the switches of its rack.
 */
import { type CallResult, client, httpFetch } from '@lodestone/api'
import {
  type FirewallRule,
  type InstanceEnsure,
  SLED_AGENT_PORT,
  sledAgentApi,
  type SledAgentClient,
} from '@lodestone/contract-sled-agent'
import { SWITCHD_PORT, switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import { sleep } from '@lodestone/host'
import { Prefix } from '@lodestone/net'
import type { Emulation } from '@lodestone/testbed'
import { nodeMac } from '../build/node-mac.ts'
import type { LabDocument, NodeOf } from '../document/document.ts'

const RETRY_MS = 100
const GIVE_UP_MS = 30_000
const CALL_MS = 2000

interface Guest {
  readonly name: string
  readonly spec: NodeOf<'guest'>
  readonly id: string
  readonly mac: string
}

export class RackGuests {
  readonly #emulation: Emulation
  #guests: readonly Guest[]
  /** Of what was stated: each statement of everything is newer than the one before. */
  #generation = 1
  /** Were on a sled, and shall not be. */
  #leaving: readonly Guest[] = []
  #isClosed = false
  #problem = 'the underlay does not carry yet'
  #isReady = false

  constructor(emulation: Emulation, document: LabDocument) {
    this.#emulation = emulation
    this.#guests = guestsOf(document)
    this.#isReady = this.#guests.length === 0
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** What is still missing. */
  get detail(): string {
    return this.#isReady ? `${this.#guests.length} guests are on their sleds` : this.#problem
  }

  has(name: string): boolean {
    return this.#guests.some((guest) => guest.name === name)
  }

  /** The shell of a guest; undefined while it does not run. */
  execOf(name: string) {
    const guest = this.#guests.find((each) => each.name === name)
    if (guest === undefined) return undefined
    const sled = this.#emulation.nodes.get(sledName(guest.spec))
    return sled?.kind === 'sled' ? sled.agent.instances.get(guest.id)?.guest?.exec : undefined
  }

  /** States everything, again and again until all of it was heard. */
  async provision(): Promise<void> {
    const { clock } = this.#emulation.world
    const endMs = clock.nowMs() + GIVE_UP_MS
    while (!this.#isReady && !this.#isClosed) {
      try {
        await this.#state()
        this.#isReady = true
      } catch (error) {
        this.#problem = (error as Error).message
        if (clock.nowMs() > endMs) throw error
        await sleep(clock, RETRY_MS)
      }
    }
  }

  /** Makes the guests those of another document; what did not change runs on. */
  async restate(document: LabDocument): Promise<void> {
    const next = guestsOf(document)
    const isSame = (one: Guest, other: Guest | undefined): boolean =>
      other !== undefined && JSON.stringify(one.spec) === JSON.stringify(other.spec)
    const gone = this.#guests.filter(
      (guest) =>
        !isSame(
          guest,
          next.find(({ name }) => name === guest.name),
        ),
    )
    this.#leaving = [...this.#leaving, ...gone]
    this.#guests = next
    this.#generation++
    this.#isReady = next.length === 0 && this.#leaving.length === 0
    await this.provision()
  }

  close(): void {
    this.#isClosed = true
  }

  async #state(): Promise<void> {
    for (const { id, spec } of this.#leaving) {
      must(await this.#agentOf(sledName(spec)).instance_delete({ params: { instance_id: id } }))
    }
    this.#leaving = []
    const generation = this.#generation
    for (const guest of this.#guests) {
      const agent = this.#agentOf(sledName(guest.spec))
      must(await agent.instance_ensure({ params: { instance_id: guest.id }, body: this.#instance(guest) }))
    }
    const mappings = this.#guests.map(({ spec, mac }) => ({
      virtual_ip: spec.address,
      virtual_mac: mac,
      physical_host_ip: this.#sledAddress(spec),
      vni: spec.vni,
    }))
    for (const sled of this.#emulation.specs('sled')) {
      must(await this.#agentOf(sled.name).v2p_set({ body: { generation, mappings } }))
    }
    const racks = this.#emulation.specs('switch').map(({ name }) => name.replace(/-switch\d+$/, ''))
    for (const rack of new Set(racks)) {
      const entries = this.#guests.flatMap(({ spec, mac }) =>
        spec.rack !== rack || spec.floating === undefined
          ? []
          : [
              {
                external_address: spec.floating,
                first_port: 0,
                last_port: 65_535,
                internal_ip: this.#sledAddress(spec),
                inner_mac: mac,
                vni: spec.vni,
              },
            ],
      )
      for (const index of [0, 1]) {
        must(await this.#switchOf(`${rack}-switch${index}`).nat_desired_set({ body: { generation, entries } }))
      }
    }
    for (const { id, spec } of this.#guests) {
      const agent = this.#agentOf(sledName(spec))
      must(await agent.instance_state_set({ params: { instance_id: id }, body: { state: 'running' } }))
    }
  }

  #instance({ name, spec, mac, id }: Guest): InstanceEnsure {
    const anywhere = Prefix.of(spec.subnet).family === 4 ? '0.0.0.0/0' : '::/0'
    return {
      generation: 1,
      hostname: name,
      ncpus: 1,
      memory_bytes: 1 << 30,
      nics: [
        {
          id: id.replace(/^0/, '1'),
          name: 'net0',
          slot: 0,
          mac,
          vni: spec.vni,
          ipv4: { ip: spec.address, subnet: spec.subnet },
          primary: true,
          transit_ips: [],
        },
      ],
      external_ips: { floating: spec.floating === undefined ? [] : [spec.floating] },
      firewall_rules: openRules(spec.vni),
      routes: [
        {
          vni: spec.vni,
          subnet: spec.subnet,
          routes: [
            { dest: anywhere, target: { type: 'internet_gateway' }, router: 'system' },
            { dest: spec.subnet, target: { type: 'vpc_subnet', value: spec.subnet }, router: 'system' },
          ],
        },
      ],
      user_data: '',
    }
  }

  #sledAddress(spec: NodeOf<'guest'>): string {
    const sled = this.#emulation.specs('sled').find(({ name }) => name === sledName(spec))
    if (sled === undefined) throw new Error(`rack ${spec.rack} has no sled ${spec.sled}`)
    return sled.address.toString()
  }

  /** Calls go out from the first sled of the same rack, over the underlay. */
  #fetchFrom(rack: string): ReturnType<typeof httpFetch> {
    const from = this.#emulation.sleds().find(({ name }) => name.startsWith(`${rack}-sled`))
    if (from === undefined) throw new Error(`no sled of ${rack} is on`)
    const { clock } = this.#emulation.world
    return httpFetch(from.stack, { clock, timeoutMs: CALL_MS, localAddress: from.spec.address.toString() })
  }

  #agentOf(sled: string): SledAgentClient {
    const spec = this.#emulation.specs('sled').find(({ name }) => name === sled)
    if (spec === undefined) throw new Error(`there is no sled ${sled}`)
    return client(
      sledAgentApi,
      this.#fetchFrom(sled.replace(/-sled\d+$/, '')),
      `http://[${spec.address}]:${SLED_AGENT_PORT}`,
    )
  }

  #switchOf(name: string): SwitchdClient {
    const spec = this.#emulation.specs('switch').find((each) => each.name === name)
    if (spec === undefined) throw new Error(`there is no switch ${name}`)
    return client(
      switchdApi,
      this.#fetchFrom(name.replace(/-switch\d+$/, '')),
      `http://[${spec.zoneAddress}]:${SWITCHD_PORT}`,
    )
  }
}

function guestsOf(document: LabDocument): readonly Guest[] {
  return Object.entries(document.nodes).flatMap(([name, spec]) => {
    if (spec.kind !== 'guest') return []
    const id = uuid(Number(nodeMac(document.name, name, 'instance').toNumber()))
    return [{ name, spec: { ...spec, groups: [] }, id, mac: nodeMac(document.name, name, 'net0').toString() }]
  })
}

function sledName({ rack, sled }: NodeOf<'guest'>): string {
  return `${rack}-sled${sled}`
}

/** Everything inside the VPC, and from outside what the embedded guest answers: ping and its web page. */
function openRules(vni: number): FirewallRule[] {
  const base = { status: 'enabled', direction: 'inbound', action: 'allow', priority: 1000 } as const
  const id = (rule: number): string => uuid(0x10_0000_0000 + vni * 0x1_0000 + rule)
  return [
    { ...base, id: id(1), name: 'inside', hosts: [{ type: 'vpc', value: vni }] },
    { ...base, id: id(2), name: 'ping', protocols: [{ type: 'icmp' }] },
    { ...base, id: id(3), name: 'web', protocols: [{ type: 'tcp' }], ports: ['80'] },
  ]
}

function must<T>(result: CallResult<T>): T {
  if (result.ok) return result.value
  throw new Error(result.message)
}

function uuid(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`
}
