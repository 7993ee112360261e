/** Nodes outside of the emulation: namespaces, machines, interfaces of this machine, tunnels. */
import type { Network } from '@lodestone/host'
import type { RealDriver } from './runtime/lab-runtime.ts'
import { ExternalNode } from './os-external-node.ts'
import { MachineNode } from './os-machine-node.ts'
import { NamespaceNode } from './os-namespace-node.ts'

export interface RealDriverOptions {
  /** State directory of the laboratory. */
  readonly directory: string
  readonly network: Network
}

export function realDriver({ directory, network }: RealDriverOptions): RealDriver {
  return (document, context, world) => {
    const options = { ...context, world, network, directory }
    switch (document.kind) {
      case 'namespace':
        return new NamespaceNode(document, options)
      case 'machine':
        return new MachineNode(document, options)
      case 'external':
        return new ExternalNode(document, options)
    }
  }
}

export interface RealNodeOptions {
  readonly lab: string
  readonly name: string
  readonly ports: Parameters<RealDriver>[1]['ports']
  readonly world: Parameters<RealDriver>[2]
  readonly network: Network
  readonly directory: string
}
