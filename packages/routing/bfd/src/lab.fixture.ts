/** Two speakers that face each other over a lossy wire, in virtual time. */
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { decodeControlPacket, SINGLE_HOP_PORT, type ControlPacket } from './control-packet.ts'
import { LossyWire, type Sent } from './lossy-network.fixture.ts'
import type { Peer } from './peer.ts'
import type { PeerConfig } from './peer-config.ts'
import { BfdSpeaker, type BfdSpeakerOptions, type StateChange } from './speaker.ts'

export const LEFT = '203.0.113.1'
export const RIGHT = '203.0.113.2'

export interface LabOptions {
  readonly both?: Partial<PeerConfig>
  readonly left?: Partial<PeerConfig>
  readonly right?: Partial<PeerConfig>
  readonly speaker?: Partial<BfdSpeakerOptions>
  readonly seed?: number
  readonly delayMs?: number
}

export class Lab {
  readonly clock = new VirtualClock()
  readonly wire: LossyWire
  readonly left: BfdSpeaker
  readonly right: BfdSpeaker
  readonly changes: Array<StateChange & { readonly at: 'left' | 'right' }> = []
  readonly options: LabOptions

  constructor(options: LabOptions = {}) {
    this.options = options
    this.wire = new LossyWire(this.clock, options.delayMs)
    const { clock } = this
    const seed = options.seed ?? 1
    const make = (name: 'left' | 'right', address: string, own: number): BfdSpeaker => {
      const network = this.wire.host(name, [address])
      const speaker = new BfdSpeaker({ clock, random: new SeededRandom(own), network, ...options.speaker })
      speaker.onState((change) => this.changes.push({ ...change, at: name }))
      return speaker
    }
    this.left = make('left', LEFT, seed)
    this.right = make('right', RIGHT, seed + 1000)
  }

  config(side: 'left' | 'right', more: Partial<PeerConfig> = {}): PeerConfig {
    const { both, left, right } = this.options
    const remoteAddress = Ip.of(side === 'left' ? RIGHT : LEFT)
    return { name: 'peer', remoteAddress, ...both, ...(side === 'left' ? left : right), ...more }
  }

  async listen(): Promise<this> {
    await Promise.all([this.left.listen(), this.right.listen()])
    return this
  }

  /** Adds the peers on both sides and waits until both are Up. */
  async up(): Promise<this> {
    await this.listen()
    this.left.addPeer(this.config('left'))
    this.right.addPeer(this.config('right'))
    const isUp = await this.clock.until(() => this.isUp, 10_000)
    if (!isUp) throw new Error('the sessions did not come up')
    return this
  }

  get isUp(): boolean {
    return this.peerOf(this.left).isUp && this.peerOf(this.right).isUp
  }

  peerOf(speaker: BfdSpeaker): Peer {
    const peer = speaker.peer('peer')
    if (peer === undefined) throw new Error('there is no peer')
    return peer
  }

  /** Collects what leaves `address` as control packets from now on. */
  record(address: string): Array<{ readonly atMs: number; readonly packet: ControlPacket; readonly sent: Sent }> {
    const packets: Array<{ readonly atMs: number; readonly packet: ControlPacket; readonly sent: Sent }> = []
    const before = this.wire.onSent
    this.wire.onSent = (sent) => {
      before(sent)
      if (sent.from !== address || sent.toPort !== SINGLE_HOP_PORT) return
      const result = decodeControlPacket(sent.payload)
      if (result.ok) packets.push({ atMs: sent.atMs, packet: result.packet, sent })
    }
    return packets
  }

  /** A datagram from nowhere. */
  forge(payload: Uint8Array, more: Partial<Sent> = {}): void {
    const from = { atMs: this.clock.nowMs(), from: LEFT, fromPort: 50_000 }
    this.wire.carry({ ...from, to: RIGHT, toPort: SINGLE_HOP_PORT, hopLimit: 255, payload, ...more })
  }
}
