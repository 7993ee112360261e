/**
 * The ports of this machine that lead into a running rack: its API, the control socket in the state directory, external addresses that
 * were published, and the technician's port while the rack waits to be set up.
 */
import { type HttpHandler, type HttpServer, serveHttp } from '@lodestone/api'
import type { TcpListener, TlsIdentityOf } from '@lodestone/host'
import type { Emulation } from './emulation.ts'
import type { HostNode } from './host-node.ts'
import { makePrivate, removeFile } from './os-state-directory.ts'
import { publish, publishFrom, type PublishSpec } from './publish.ts'
import { type RackOptions, RackStartError } from './rack-options.ts'
import { openTechnicianPort, SETUP_PORT, technicianAddress, technicianLaptop } from './technician-port.ts'

const CONTROL_SOCKET = 'control.sock'
/** What the operating system takes for the path of a Unix socket, at the least. */
const SOCKET_PATH_LIMIT = 103

export class RackPorts {
  readonly #options: RackOptions
  readonly #closers: (() => void | Promise<void>)[] = []
  #apiPort = 0
  #tlsPort: number | undefined
  #technicianPort: number | undefined
  #published: readonly PublishSpec[]

  constructor(options: RackOptions) {
    this.#options = options
    this.#published = options.publish
  }

  /** 0 before it is open. */
  get apiPort(): number {
    return this.#apiPort
  }

  get tlsPort(): number | undefined {
    return this.#tlsPort
  }

  /** Undefined where the rack did not wait to be set up. */
  get technicianPort(): number | undefined {
    return this.#technicianPort
  }

  /** What is published, with the ports that were picked once they are open. */
  get published(): readonly PublishSpec[] {
    return this.#published
  }

  /** Over TLS the certificate is looked up for each connection. */
  async openApi(api: HttpHandler, identity: TlsIdentityOf): Promise<void> {
    const { apiPort, tlsPort } = this.#options
    this.#apiPort = (await this.#listen(api, apiPort)).port
    if (tlsPort !== undefined) this.#tlsPort = (await this.#listen(api, tlsPort, identity)).port
  }

  /** @param client whose stack connects to what is published. */
  async openPublished(client: () => HostNode): Promise<void> {
    const { os } = this.#options
    const opened: PublishSpec[] = []
    for (const spec of this.#published) {
      const listener = await claimPort(spec.hostPort, () => publish(os, client, spec))
      this.#closers.push(() => listener.close())
      opened.push({ ...spec, hostPort: listener.port })
    }
    this.#published = opened
  }

  async openControl(handler: HttpHandler): Promise<void> {
    const { os, stateDirectory } = this.#options
    const path = `${stateDirectory}/${CONTROL_SOCKET}`
    if (path.length > SOCKET_PATH_LIMIT) {
      throw new RackStartError(
        `${stateDirectory} is too long a path: the control socket in it may have ${SOCKET_PATH_LIMIT} characters. ` +
          'Choose another directory with --state.',
      )
    }
    await removeFile(stateDirectory, CONTROL_SOCKET)
    const control = await serveHttp(os, { address: path, port: 0 }, handler)
    this.#closers.push(() => {
      control.close()
      return removeFile(stateDirectory, CONTROL_SOCKET)
    })
    await makePrivate(stateDirectory, CONTROL_SOCKET)
  }

  /** Opens the ports of all switches; this machine's leads to the first one. */
  async openTechnician(emulation: Emulation, setup: HttpHandler): Promise<void> {
    const { os, technicianPort = 0 } = this.#options
    const { world } = emulation
    for (const [slot, node] of emulation.switches().entries()) {
      const link = openTechnicianPort(node.name, slot, node.stack, world)
      const address = technicianAddress(slot)
      await serveHttp(node.stack, { address: address.toString(), port: SETUP_PORT }, setup)
      if (slot > 0) continue
      const laptop = technicianLaptop(link.a, slot, world)
      const spec = { hostPort: technicianPort, address, port: SETUP_PORT }
      const listener = await claimPort(technicianPort, () => publishFrom(os, spec, () => ({ network: laptop })))
      this.#technicianPort = listener.port
      this.#closers.push(() => {
        listener.close()
        laptop.close()
      })
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  async #listen(api: HttpHandler, port: number, tls?: TlsIdentityOf): Promise<HttpServer> {
    const { os, apiAddress: address } = this.#options
    const options = { address, port, ...(tls === undefined ? {} : { tls }) }
    const server = await claimPort(port, () => serveHttp(os, options, api))
    this.#closers.push(() => server.close())
    return server
  }
}

async function claimPort<T extends HttpServer | TcpListener>(port: number, claim: () => Promise<T>): Promise<T> {
  try {
    return await claim()
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'EADDRINUSE') {
      throw new RackStartError(
        `Port ${port} is in use by another program. Choose another port (--api-port, --publish).`,
      )
    }
    if (code === 'EACCES') throw new RackStartError(`Port ${port} needs privileges. Choose one from 1024 on.`)
    throw error
  }
}
