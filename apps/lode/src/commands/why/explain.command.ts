import type { PathAnswer } from '@lodestone/contract-testbed'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { parsePacketKind } from './packet-kind.ts'

interface ExplainFlags extends RackFlags {
  readonly brief: boolean
  readonly all: boolean
  readonly size?: number
  readonly sourcePort?: number
}

export const explainCommand = buildCommand({
  docs: {
    brief: 'Say what would happen to a packet, and why',
    fullDescription: [
      'From an instance or node to an instance, node or address: every place on the way is asked through the code that handles real',
      'packets, with its effects off. Nothing is sent. Where several paths are equally good, all of them are walked.',
      'Protocols are tcp/PORT, udp/PORT and icmp. Names of instances are their host names.',
      '',
      'Exit status: 0 delivered or answered on every path, 1 dropped on any, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'client web1 tcp/80', brief: 'From the internet to a web server' },
      { input: 'web1 db1 tcp/5432 --brief', brief: 'Between instances; verdict, cause and remedy only' },
      { input: 'web1 192.0.2.1 icmp --size 1500', brief: 'A large packet' },
      { input: 'web1 192.0.2.1 udp/53 --source-port 40000', brief: 'The next packet of a flow that is there' },
      { input: 'client web1 tcp/80 --json > before.json', brief: 'To compare later, with lode diff' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      brief: { kind: 'boolean', default: false, brief: 'Leave the walk out' },
      all: { kind: 'boolean', default: false, brief: 'Tell the walk of every path, also of those that end alike' },
      size: {
        kind: 'parsed',
        parse: (text: string): number => {
          const bytes = Number(text)
          if (!Number.isInteger(bytes) || bytes < 28 || bytes > 9000) throw new Error('--size takes 28 to 9000 bytes')
          return bytes
        },
        optional: true,
        brief: 'Length of the IP packet',
        placeholder: 'BYTES',
      },
      sourcePort: {
        kind: 'parsed',
        parse: (text: string): number => {
          const port = Number(text)
          if (!Number.isInteger(port) || port < 1 || port > 0xffff) throw new Error('--source-port takes 1 to 65535')
          return port
        },
        optional: true,
        brief: 'TCP or UDP port that it is sent from',
        placeholder: 'PORT',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Instance or node', placeholder: 'FROM' },
        { parse: parseText, brief: 'Instance, node or address', placeholder: 'TO' },
        { parse: parsePacketKind, brief: 'tcp/PORT, udp/PORT or icmp', placeholder: 'PROTOCOL' },
      ],
    },
  },
  async func(
    this: LodeContext,
    flags: ExplainFlags,
    from: string,
    to: string,
    packet: ReturnType<typeof parsePacketKind>,
  ) {
    const directory = this.stateDirectory(flags.state)
    const result = await (
      await rackClient(this, directory)
    ).explain({
      body: {
        from,
        to,
        ...packet,
        ...(flags.size === undefined ? {} : { bytes: flags.size }),
        ...(flags.sourcePort === undefined ? {} : { source_port: flags.sourcePort }),
      },
    })
    if (!result.ok) {
      if (result.kind !== 'refused' || result.status !== 400) return reportFailure(this, directory, result)
      this.note(result.message)
      return this.exit(ExitStatus.usage)
    }
    const answer = result.value
    if (flags.json) this.printJson(answer)
    else {
      const { answerText } = await import('./answer-text.ts')
      this.print(answerText(answer, { isBrief: flags.brief, hasAll: flags.all, color: this.color }))
    }
    if (!isWell(answer)) this.exit(ExitStatus.failed)
  },
})

function isWell({ verdict, paths }: PathAnswer): boolean {
  return (
    verdict === 'delivered' ||
    verdict === 'answered' ||
    (verdict === 'mixed' && !paths.some((path) => path.verdict === 'dropped'))
  )
}
