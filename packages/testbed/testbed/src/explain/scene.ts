/**
 * What a walk asks along its way: the packet engine of each sled and the program of each switch; as they are, or as shadows of them, in which ports are
 * configured otherwise, packets have passed that nobody sent, or everything stands as it stood at an earlier time.
 */
import type { Ip, Mac } from '@lodestone/net'
import type { Pipeline } from '@lodestone/npu'
import type { NatMapping } from '@lodestone/switchd'
import type { Direction, Explanation, ExternalMapping, PortConfig, ShadowEngine } from '@lodestone/vport'
import type { RackSwitchNode } from '../rack-switch-node.ts'
import type { SledNode } from '../sled-node.ts'

export interface PortView {
  readonly id: string
  readonly name: string
  readonly config: PortConfig
}

export interface EngineView {
  portOf(vni: number, mac: Mac): PortView | undefined
  portsOfGroup(vni: number, group: Ip): readonly PortView[]
  explain(portId: string, frame: Uint8Array, direction: Direction): Explanation
}

export type PipelineView = Pick<Pipeline, 'explain' | 'story' | 'usage'>

export interface Scene {
  /** Why nothing is known of a sled or switch; undefined where its engine or pipeline can be asked. */
  gap(node: string): string | undefined
  engine(sled: SledNode): EngineView
  pipeline(node: RackSwitchNode): PipelineView
}

/** What engines and switches are told instead of what they were. */
export interface Proposal {
  /** Ports that are configured otherwise, by id. */
  readonly configs: ReadonlyMap<string, PortConfig>
  /** Where all external addresses are, as switches and engines are told; absent where that stays. */
  readonly external?: { readonly nat: readonly NatMapping[]; readonly mappings: readonly ExternalMapping[] }
}

/** One time that a packet passed an engine. */
export interface EnginePass {
  readonly sled: SledNode
  readonly portId: string
  readonly frame: Uint8Array
  readonly direction: Direction
}

/** As everything is now. */
export const LIVE_SCENE: Scene = {
  gap: () => undefined,
  engine: ({ engine }) => ({
    portOf: (vni, mac) => engine.portOf(vni, mac),
    portsOfGroup: (vni, group) => engine.portsOfGroup(vni, group),
    explain: (id, frame, direction) => engine.explain(engine.port(id)!, frame, direction),
  }),
  pipeline: (node) => node.pipeline,
}

/** Shadows, made when they are first asked. Whoever opens one closes it within the same event. */
export class ShadowScene implements Scene {
  readonly #open: (sled: SledNode) => ShadowEngine
  readonly #pipeline: (node: RackSwitchNode) => PipelineView
  readonly #engines = new Map<string, ShadowEngine>()
  readonly gap: (node: string) => string | undefined

  constructor(
    open: (sled: SledNode) => ShadowEngine,
    pipeline: (node: RackSwitchNode) => PipelineView = LIVE_SCENE.pipeline,
    gap: (node: string) => string | undefined = LIVE_SCENE.gap,
  ) {
    this.gap = gap
    this.#open = open
    this.#pipeline = pipeline
  }

  /** Opens scenes of the rack of now, but for what is proposed. */
  static opener({ configs, external }: Proposal = { configs: new Map() }): () => ShadowScene {
    const open = (sled: SledNode): ShadowEngine => sled.engine.shadow(configs, external?.mappings)
    if (external === undefined) return () => new ShadowScene(open)
    const pipelines = new Map<string, PipelineView>()
    const pipeline = (node: RackSwitchNode): PipelineView => {
      const known = pipelines.get(node.name) ?? node.pipelineWith(external.nat)
      pipelines.set(node.name, known)
      return known
    }
    return () => new ShadowScene(open, pipeline)
  }

  engine(sled: SledNode): EngineView {
    const shadow = this.#shadow(sled)
    return {
      portOf: (vni, mac) => shadow.portOf(vni, mac),
      portsOfGroup: (vni, group) => shadow.portsOfGroup(vni, group),
      explain: (id, frame, direction) => shadow.port(id)!.explain(frame, direction),
    }
  }

  pipeline(node: RackSwitchNode): PipelineView {
    return this.#pipeline(node)
  }

  /** Lets a packet pass that has been explained: what follows is explained as after it. */
  carry({ sled, portId, frame, direction }: EnginePass): void {
    this.#shadow(sled).port(portId)!.carry(frame, direction)
  }

  close(): void {
    for (const engine of this.#engines.values()) engine.close()
    this.#engines.clear()
  }

  #shadow(sled: SledNode): ShadowEngine {
    const known = this.#engines.get(sled.name)
    if (known !== undefined) return known
    const shadow = this.#open(sled)
    this.#engines.set(sled.name, shadow)
    return shadow
  }
}
