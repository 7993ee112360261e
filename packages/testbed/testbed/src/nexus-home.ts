/**
 * Where the control plane runs: on the first sled that has power. It serves its API on that sled's underlay address, where daemons of the
 * rack find it by name; the other sleds say that it is not there.
 */
import { errorResponse, type HttpHandler, serveHttp } from '@lodestone/api'
import { CurrentNetwork } from './current-network.ts'
import type { Emulation } from './emulation.ts'

export const NEXUS_PORT = 12220

export class NexusHome {
  readonly #emulation: Emulation
  readonly #handler: HttpHandler
  /** The underlay as the control plane has it. */
  readonly network: CurrentNetwork

  constructor(emulation: Emulation, handler: HttpHandler) {
    this.#emulation = emulation
    this.#handler = handler
    this.network = new CurrentNetwork('underlay', () => emulation.sleds()[0]?.stack)
  }

  get place(): { readonly address: string; readonly port: number } | undefined {
    const sled = this.#emulation.sleds()[0]
    return sled === undefined ? undefined : { address: sled.spec.address.toString(), port: NEXUS_PORT }
  }

  /** A sled has come up. What is served goes with its power. */
  async serveOn(name: string): Promise<void> {
    const sled = this.#emulation.sleds().find((each) => each.name === name)
    if (sled === undefined) return
    const address = sled.spec.address.toString()
    await serveHttp(sled.stack, { address, port: NEXUS_PORT }, (request) => {
      if (this.#emulation.sleds()[0] === sled) return this.#handler(request)
      const problem = { kind: 'unavailable', message: 'the control plane runs on another sled' } as const
      return Promise.resolve(errorResponse(problem, sled.name))
    })
  }
}
