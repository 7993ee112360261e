import { buildCommand, buildRouteMap } from '@stricli/core'
import { ExitStatus, type LabContext } from '../os-context.ts'
import type { TunnelTransport } from '../document/cut.ts'
import { type LabFlags, labFlags, parseText } from './connection.ts'

const tunnels = {
  kind: 'enum',
  values: ['udp', 'tcp'],
  default: 'udp',
  brief: 'What links between parts become; TCP loses nothing, and is late instead',
} as const

interface KubernetesFlags extends LabFlags {
  readonly parts: readonly string[]
  readonly image: string
  readonly namespace: string
  readonly tunnels: TunnelTransport
}

const kubernetesCommand = buildCommand({
  docs: {
    brief: 'Manifests that run each part of the topology as a pod; links between parts become tunnels',
    fullDescription: 'A part is a list of nodes. Every node has to be in one.',
    customUsage: [
      {
        input: '--parts left=left,sw --parts right=right --image registry.example/lode:1 > lab.yaml',
        brief: 'Two pods',
      },
    ],
  },
  parameters: {
    flags: {
      ...labFlags,
      parts: {
        kind: 'parsed',
        parse: parseText,
        variadic: true,
        default: [],
        brief: 'NAME=NODE,NODE…',
        placeholder: 'PART',
      },
      image: {
        kind: 'parsed',
        parse: parseText,
        default: 'lodestone:latest',
        brief: 'Image with lode in it',
        placeholder: 'IMAGE',
      },
      namespace: {
        kind: 'parsed',
        parse: parseText,
        default: 'default',
        brief: 'Namespace of the cluster',
        placeholder: 'NAME',
      },
      tunnels,
    },
    aliases: { p: 'parts' },
  },
  async func(this: LabContext, flags: KubernetesFlags) {
    const { parseParts, cutDocument } = await import('../document/cut.ts')
    const { kubernetesManifests } = await import('../document/kubernetes.ts')
    const { toYamlDocuments } = await import('../document/yaml.ts')
    const parts = parseParts(flags.parts)
    if (!parts.ok || parts.value.length === 0) {
      this.note(parts.ok ? 'say which nodes make a part: --parts NAME=NODE,NODE' : parts.message)
      return this.exit(ExitStatus.usage)
    }
    const cut = cutDocument(this.document, parts.value, { kind: 'services' }, flags.tunnels)
    if (!cut.ok) {
      this.note(cut.message)
      return this.exit(ExitStatus.usage)
    }
    const manifests = kubernetesManifests(this.document.name, cut.parts, {
      image: flags.image,
      namespace: flags.namespace,
    })
    if (flags.json) this.printJson(manifests)
    else this.process.stdout.write(toYamlDocuments(manifests))
  },
})

interface PartFlags extends LabFlags {
  readonly parts: readonly string[]
  readonly basePort: number
  readonly tunnels: TunnelTransport
}

const partsCommand = buildCommand({
  docs: {
    brief:
      'The topology cut into parts for processes on this machine, each as a document: JSON by the name of the part',
    customUsage: [{ input: '--parts one=left,sw --parts two=right', brief: 'Two processes' }],
  },
  parameters: {
    flags: {
      ...labFlags,
      parts: {
        kind: 'parsed',
        parse: parseText,
        variadic: true,
        default: [],
        brief: 'NAME=NODE,NODE…',
        placeholder: 'PART',
      },
      basePort: {
        kind: 'parsed',
        parse: Number,
        default: '42100',
        brief: 'First of the ports on the loopback',
        placeholder: 'PORT',
      },
      tunnels,
    },
  },
  async func(this: LabContext, flags: PartFlags) {
    const { parseParts, cutDocument } = await import('../document/cut.ts')
    const parts = parseParts(flags.parts)
    const cut = parts.ok
      ? cutDocument(this.document, parts.value, { kind: 'loopback', basePort: flags.basePort }, flags.tunnels)
      : parts
    if (!cut.ok) {
      this.note(cut.message)
      return this.exit(ExitStatus.usage)
    }
    this.printJson(Object.fromEntries(cut.parts.map(({ name, document }) => [name, document])))
  },
})

export const renderCommand = buildRouteMap({
  routes: { kubernetes: kubernetesCommand, parts: partsCommand },
  docs: { brief: 'The topology for several processes or machines' },
})
