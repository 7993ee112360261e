import type { PathAnswer } from '@lodestone/contract-testbed'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { type PacketKind, parsePacketKind } from './packet-kind.ts'

interface ExplainFlags extends RackFlags {
  readonly brief: boolean
  readonly all: boolean
  readonly size?: number
  readonly sourcePort?: number
  readonly pcap?: string
  readonly frame?: number
}

export const explainCommand = buildCommand({
  docs: {
    brief: 'Say what would happen to a packet, and why',
    fullDescription: [
      'From an instance or node to an instance, node or address: every place on the way is asked through the code that handles real',
      'packets, with its effects off. Nothing is sent. Where several paths are equally good, all of them are walked.',
      'Protocols are tcp/PORT, udp/PORT and icmp. Names of instances are their host names. With --pcap the packet is one that was',
      'captured, out of its tunnel, as if FROM sent it now.',
      '',
      'Exit status: 0 delivered or answered on every path, 1 dropped on any, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'client web1 tcp/80', brief: 'From the internet to a web server' },
      { input: 'web1 db1 tcp/5432 --brief', brief: 'Between instances; verdict, cause and remedy only' },
      { input: 'web1 192.0.2.1 icmp --size 1500', brief: 'A large packet' },
      { input: 'web1 192.0.2.1 udp/53 --source-port 40000', brief: 'The next packet of a flow that is there' },
      { input: 'web1 --pcap web.pcapng --frame 3', brief: 'A captured packet, if web1 sent it now' },
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
      pcap: { kind: 'parsed', parse: parseText, optional: true, brief: 'Capture with the packet', placeholder: 'FILE' },
      frame: {
        kind: 'parsed',
        parse: (text: string): number => {
          const frame = Number(text)
          if (!Number.isInteger(frame) || frame < 1) throw new Error('--frame takes the number of a frame, from 1 on')
          return frame
        },
        optional: true,
        brief: 'Which frame of the capture; the first, if not given',
        placeholder: 'N',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Instance or node', placeholder: 'FROM' },
        { parse: parseText, brief: 'Instance, node or address', placeholder: 'TO', optional: true },
        { parse: parsePacketKind, brief: 'tcp/PORT, udp/PORT or icmp', placeholder: 'PROTOCOL', optional: true },
      ],
    },
  },
  async func(this: LodeContext, flags: ExplainFlags, from: string, to?: string, packet?: PacketKind) {
    const question = await questionOf(flags, to, packet)
    if (!question.ok) {
      this.note(question.message)
      return this.exit(ExitStatus.usage)
    }
    const directory = this.stateDirectory(flags.state)
    const result = await (
      await rackClient(this, directory)
    ).explain({
      body: { from, ...question.question },
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

type Question =
  | { readonly ok: true; readonly question: Omit<PathAnswer['question'], 'from'> }
  | { readonly ok: false; readonly message: string }

async function questionOf(
  { pcap, frame, size, sourcePort }: ExplainFlags,
  to: string | undefined,
  packet: PacketKind | undefined,
): Promise<Question> {
  if (pcap === undefined) {
    if (frame !== undefined) return { ok: false, message: '--frame is of a capture: add --pcap FILE' }
    if (to === undefined || packet === undefined)
      return { ok: false, message: 'say where to, and tcp/PORT, udp/PORT or icmp' }
    const more = {
      ...(size === undefined ? {} : { bytes: size }),
      ...(sourcePort === undefined ? {} : { source_port: sourcePort }),
    }
    return { ok: true, question: { to, ...packet, ...more } }
  }
  if (to !== undefined || size !== undefined || sourcePort !== undefined) {
    return { ok: false, message: 'a captured packet says itself where to, on which ports and how long it is' }
  }
  const { capturedQuestion } = await import('./captured-frame.ts')
  const { readFile } = await import('node:fs/promises')
  const bytes = await readFile(pcap).catch((error: Error) => error.message)
  if (typeof bytes === 'string') return { ok: false, message: `${pcap}: ${bytes}` }
  return capturedQuestion(bytes, frame ?? 1)
}

function isWell({ verdict, paths }: PathAnswer): boolean {
  return (
    verdict === 'delivered' ||
    verdict === 'answered' ||
    (verdict === 'mixed' && !paths.some((path) => path.verdict === 'dropped'))
  )
}
