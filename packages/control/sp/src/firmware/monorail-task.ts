/**
 * The management network's own switch: its technician's ports are closed until somebody proves to hold a trusted key, and close
 * again when the time is over. A development board without keys asks only for its own challenge back.
 *
 * The signature is ECDSA over P-256 and SHA-256 of the signer's nonce and the challenge as it travelled. Challenges are used once.
 */
import { createPublicKey, verify } from 'node:crypto'
import type { Random, Timer } from '@lodestone/host'
import { encode, type ValueOf } from '../protocol/codec.ts'
import type { SpError } from '../protocol/error.ts'
import { unlockChallenge, type unlockResponse } from '../protocol/request.ts'
import type { PortStatus } from '../protocol/response.ts'
import { Line, type MainBlock } from '../registers/monorail.ts'
import { sha256 } from './image.ts'
import type { TaskContext } from './task-context.ts'

export type UnlockChallenge = ValueOf<typeof unlockChallenge>
export type UnlockResponse = ValueOf<typeof unlockResponse>
type MonorailError = Extract<SpError, { kind: 'Monorail' }>['error']

const TECHNICIAN_PORTS = [40, 41] as const
const CHALLENGE_MS = 60_000
/** Nobody needs the ports for longer than a day. */
const MAX_UNLOCK_S = 24 * 3600

export class MonorailTask {
  readonly #context: TaskContext
  readonly #registers: MainBlock
  readonly #random: Random
  readonly #serialNumber: string
  readonly #keys: readonly Uint8Array[]
  #issued: { readonly challenge: UnlockChallenge; readonly untilMs: number } | undefined
  #relock: Timer | undefined

  /** @param options.keys that open the ports, 65 bytes each; none on a development board. */
  constructor(options: {
    readonly context: TaskContext
    readonly registers: MainBlock
    readonly random: Random
    readonly serialNumber: string
    readonly keys: readonly Uint8Array[]
  }) {
    this.#context = options.context
    this.#registers = options.registers
    this.#random = options.random
    this.#serialNumber = options.serialNumber
    this.#keys = options.keys
    // An unlocking does not outlive the firmware that gave it.
    this.#setOpen(false)
  }

  get isUnlocked(): boolean {
    return TECHNICIAN_PORTS.every((port) => this.#registers.ports(port).config.read().open)
  }

  /** Of every port that there is on the board, in order. */
  ports(): readonly PortStatus[] {
    const ports: PortStatus[] = []
    for (let port = 0; port < this.#registers.portsCount; port++) {
      const registers = this.#registers.ports(port)
      if (!registers.config.read().fitted) continue
      const status = registers.status.read()
      const count = (direction: 'rx' | 'tx') => ({
        multicast: registers[`${direction}Multicast`].read().count,
        unicast: registers[`${direction}Unicast`].read().count,
        broadcast: 0,
      })
      ports.push({
        port,
        config: {
          mode: status.phy ? { kind: 'Sgmii', speed: 'Speed100M' } : { kind: 'Sfi' },
          device: status.phy ? 'Dev1g' : 'Dev10g',
          deviceIndex: port & 0xff,
          serdes: status.phy ? 'Serdes1g' : 'Serdes10g',
          serdesIndex: port & 0xff,
        },
        link: LINES[status.link ?? Line.Error],
        phy: status.phy
          ? { type: 'Vsc8552', mac: LINES[status.mac ?? Line.Error], media: LINES[status.media ?? Line.Error] }
          : undefined,
        counters: {
          rx: count('rx'),
          tx: count('tx'),
          linkDownSticky: status.linkWasDown,
          phyLinkDownSticky: status.mediaWasDown,
        },
      })
    }
    return ports
  }

  /** Forgets which lines were down. */
  clearStatus(): void {
    for (let port = 0; port < this.#registers.portsCount; port++) {
      this.#registers.ports(port).status.update({ linkWasDown: true, mediaWasDown: true })
    }
  }

  close(): void {
    this.#relock?.cancel()
  }

  challenge(): UnlockChallenge {
    const nowMs = this.#context.clock.nowMs()
    const time = new Uint8Array(8)
    new DataView(time.buffer).setBigUint64(0, BigInt(Math.floor(nowMs)), true)
    const hardwareId = new Uint8Array(32)
    hardwareId.set(new TextEncoder().encode(this.#serialNumber).subarray(0, 32))
    const challenge: UnlockChallenge =
      this.#keys.length === 0
        ? { kind: 'Trivial', timestamp: BigInt(Math.floor(nowMs)) }
        : {
            kind: 'EcdsaSha2Nistp256',
            hardwareId,
            softwareId: sha256(new TextEncoder().encode('monorail')).slice(0, 4),
            time,
            nonce: this.#random.bytes(32),
          }
    this.#issued = { challenge, untilMs: nowMs + CHALLENGE_MS }
    return challenge
  }

  /** @returns why the ports stay as they are; undefined when they are open. */
  unlock(challenge: UnlockChallenge, response: UnlockResponse, timeS: number): MonorailError | undefined {
    const nowMs = this.#context.clock.nowMs()
    if (timeS > MAX_UNLOCK_S) return 'TimeIsTooLong'
    const issued = this.#issued
    const given = encode(unlockChallenge, challenge)
    if (issued === undefined || !sameBytes(encode(unlockChallenge, issued.challenge), given)) return 'UnlockAuthFailed'
    if (nowMs >= issued.untilMs) return 'ChallengeExpired'
    if (!this.#isRight(challenge, given, response)) return 'UnlockAuthFailed'
    this.#issued = undefined
    this.#setOpen(true)
    if (!this.isUnlocked) return 'UnlockFailed'
    this.#relock = this.#context.clock.after(timeS * 1000, () => this.lock())
    this.#context.trace('net', `technician ports open for ${timeS} s`)
    return undefined
  }

  lock(): void {
    this.#setOpen(false)
    this.#context.trace('net', 'technician ports closed')
  }

  #setOpen(isOpen: boolean): void {
    this.#relock?.cancel()
    for (const port of TECHNICIAN_PORTS) this.#registers.ports(port).config.update({ open: isOpen })
  }

  #isRight(challenge: UnlockChallenge, given: Uint8Array, response: UnlockResponse): boolean {
    if (challenge.kind === 'Trivial') {
      return response.kind === 'Trivial' && response.timestamp === challenge.timestamp
    }
    if (response.kind !== 'EcdsaSha2Nistp256' || !this.#keys.some((key) => sameBytes(key, response.key))) return false
    const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
    const { key: point, signature, signerNonce } = response
    if (point[0] !== 4) return false
    const x = base64url(point.subarray(1, 33))
    const y = base64url(point.subarray(33))
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
    const signed = Buffer.concat([signerNonce, given])
    return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
  }
}

const LINES = { [Line.Error]: 'Error', [Line.Down]: 'Down', [Line.Up]: 'Up' } as const

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
