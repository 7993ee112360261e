/** The network of the host as the daemon needs it: with the kernel's interfaces where they can be seen. */
import { type Network, OsKernelNetwork } from '@lodestone/host'
import type { LodeContext } from '../../context.ts'

export interface DaemonNetwork {
  readonly network: Network
  close(): void
}

export function daemonNetwork(context: LodeContext): DaemonNetwork {
  try {
    const network = new OsKernelNetwork()
    return { network, close: () => network.close() }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    context.note(`interfaces and routes of the kernel are out of reach: ${error.message}`)
    return { network: context.network, close: () => {} }
  }
}
