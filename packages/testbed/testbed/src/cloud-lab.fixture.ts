/**
 * For tests: a whole rack in virtual time under its real control plane, which configures switches and sleds over the emulated underlay
 * and keeps its state in an embedded database in memory.
 */
import { type CallResult, client } from '@lodestone/api'
import { type NexusClient, nexusApi } from '@lodestone/contract-nexus'
import { MemoryFiles, OsFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import type { Program } from '@lodestone/p4'
import { CertificateAuthority, Nexus } from '@lodestone/nexus'
import { serveApi } from './api-service.ts'
import type { ProbeSource } from '@lodestone/probe'
import { Emulation } from './emulation.ts'
import { HttpProbes } from './http-probes.ts'
import type { HostNode } from './host-node.ts'
import { NexusHome } from './nexus-home.ts'
import { compileSwitchProgram } from './os-switch-program.ts'
import { rackInventory } from './rack-inventory.ts'
import { rackProbes } from './rack-probes.ts'
import { rackNetwork } from './rack-network.ts'
import { withServices } from './rack-services.ts'
import { ensureDefaultPool, ensurePool6, obtainToken } from './rack-setup.ts'
import { CLIENT_NAME, type Outside, rackTopology } from './rack-topology.ts'
import { rackChecks } from './readiness.ts'
import { join } from 'node:path'
import type { Topology } from './topology.ts'
import { World } from './world.ts'

const ARCHIVES = [new OsFiles(join(import.meta.dirname, '../../../../node_modules/.cache/lodestone'))]
let program: Program | undefined

export class CloudLab {
  readonly clock: VirtualClock
  readonly world: World
  readonly emulation: Emulation
  readonly #home: NexusHome
  readonly nexus: Nexus
  /** Of a rack with services: whom their clients believe. */
  readonly authority: CertificateAuthority | undefined
  /** What probe programs can watch, as in a rack of `lode up`. */
  readonly probes: readonly ProbeSource[]
  readonly #apiProbes: HttpProbes
  api!: NexusClient

  /**
   * @param dnsZone makes the rack one with services that the world reaches.
   * @param startWallMs what its clock says at first; TLS judges certificates by the machine's own.
   * @param places for sleds, if there are more than sleds.
   * @param outside what the world speaks.
   */
  static async start(
    sleds = 2,
    dnsZone?: string,
    startWallMs?: number,
    places = sleds,
    outside: Outside = 'ipv4',
  ): Promise<CloudLab> {
    const clock = new VirtualClock(startWallMs)
    const isServing = dnsZone !== undefined
    const random = new SeededRandom(2)
    const authority = isServing ? await CertificateAuthority.open(new MemoryFiles(), clock, random) : undefined
    const lab = new CloudLab(clock, rackTopology({ sleds, places, outside }), dnsZone, authority)
    await lab.emulation.start()
    for (const { name } of lab.emulation.sleds()) await lab.#home.serveOn(name)
    await lab.nexus.start()
    const token = await obtainToken(lab.nexus.handler, lab.world.random)
    await ensureDefaultPool(lab.nexus.handler, token)
    if (outside === 'dual-stack') await ensurePool6(lab.nexus.handler, token)
    const headers = { authorization: `Bearer ${token}` }
    lab.api = client(
      nexusApi,
      (request) => {
        for (const [name, value] of Object.entries(headers)) request.headers.set(name, value)
        return lab.#apiProbes.handler(lab.nexus.handler)(request)
      },
      'http://nexus',
    )
    await lab.untilReady()
    for (const service of lab.emulation.sleds().flatMap(({ services }) => services)) {
      if (service.spec.kind !== 'api') continue
      await serveApi(service.network, lab.nexus.handler, (name) => lab.nexus.tlsIdentity(name))
    }
    return lab
  }

  private constructor(
    clock: VirtualClock,
    plain: Topology,
    dnsZone: string | undefined,
    authority: CertificateAuthority | undefined,
  ) {
    this.clock = clock
    this.authority = authority
    program ??= compileSwitchProgram()
    this.world = new World({ clock: this.clock, random: new SeededRandom(1) })
    const topology = dnsZone === undefined ? plain : withServices(plain)
    this.emulation = new Emulation({
      world: this.world,
      topology,
      program,
      configuration: 'control-plane',
      onPower: (name, isOn) => {
        if (isOn) void this.#home.serveOn(name)
        if (isOn) this.nexus.repeat()
        else this.nexus.activate()
      },
    })
    this.#home = new NexusHome(this.emulation, (request) => this.nexus.handler(request))
    this.#apiProbes = new HttpProbes('api', 'nexus', this.clock)
    const reconcilerProbes = new HttpProbes('reconciler', 'nexus', this.clock)
    this.probes = rackProbes(this.emulation, this.#apiProbes, reconcilerProbes)
    this.nexus = new Nexus(this.world.host('nexus', { underlay: this.#home.network }), {
      aroundFetch: (inner) => reconcilerProbes.fetch(inner),
      underlayPlace: () => this.#home.place,
      inventory: rackInventory(topology, dnsZone === undefined ? {} : { dnsZone }),
      network: rackNetwork(topology),
      archives: ARCHIVES,
      ...(authority === undefined ? {} : { authority }),
      passwordCost: { memoryKiB: 64, iterations: 1 },
      checkResponses: true,
    })
  }

  get client(): HostNode {
    return this.emulation.hosts().find((node) => node.name === CLIENT_NAME)!
  }

  host(name: string): HostNode {
    return this.emulation.hosts().find((node) => node.name === name)!
  }

  async untilReady(withinMs = 30_000): Promise<void> {
    const isReady = (): boolean => rackChecks(this.emulation).every((check) => check.ready)
    await this.until(isReady, withinMs, () =>
      rackChecks(this.emulation)
        .filter((check) => !check.ready)
        .map((check) => check.detail)
        .join('; '),
    )
  }

  /** Waits in virtual time for something to be so. */
  async until(condition: () => boolean, withinMs = 30_000, told: () => string = () => ''): Promise<void> {
    if (await this.clock.until(condition, withinMs)) return
    throw new Error(`not so within ${withinMs} ms ${told()} ${JSON.stringify(this.nexus.reconcilers())}`)
  }

  /** Waits until all reconcilers have done what there is to do. */
  async settle(): Promise<void> {
    const isIdle = (): boolean => this.nexus.reconcilers().every((loop) => loop.state === 'idle')
    for (let calm = 0; calm < 3; calm++) {
      await this.until(isIdle)
      await this.clock.advance(150)
    }
  }

  /** The value of a call of the API that must succeed. */
  async done<T>(call: Promise<CallResult<T>>): Promise<T> {
    const result = await this.clock.run(call)
    if (!result.ok) throw new Error(result.message)
    return result.value
  }

  async close(): Promise<void> {
    await this.clock.run(this.nexus.close())
    this.emulation.close()
  }
}
