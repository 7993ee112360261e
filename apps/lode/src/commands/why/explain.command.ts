import type { PathAnswer } from '@lodestone/contract-testbed'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { type PacketKind, parsePacketKind } from './packet-kind.ts'

interface ExplainFlags extends RackFlags {
  readonly brief: boolean
  readonly all: boolean
  readonly minimal: boolean
  readonly reply: boolean
  readonly ipv6: boolean
  readonly with: readonly string[]
  readonly at?: string
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
      '--reply explains the answer too: against the connection, TCP state and leased port that the packet would leave behind.',
      '--with explains as if a change of a VPC were made; nothing is. Changes are checked and resolved by the control plane as real ones;',
      'more than one is made in order. The forms are',
      '  fw allow|deny inbound|outbound [tcp/80,8000-8080|udp/53|icmp|icmp6] [from|to PLACE,…] [priority N] [target PLACE,…] [name NAME]',
      '  fw remove NAME',
      '  route add PREFIX|subnet:NAME via drop|ADDRESS|instance:NAME|internet-gateway:NAME [router NAME] [name NAME]',
      '  route remove NAME [router NAME]',
      '  router add NAME',
      '  subnet NAME router NAME|none',
      '  ip attach FLOATING-IP INSTANCE',
      '  ip detach FLOATING-IP',
      'where a PLACE is vpc:NAME, subnet:NAME, instance:NAME, an address or a prefix; without a target a rule is for the whole VPC, and without',
      'a router a route is for the only custom one. The VPC is that of an end of the packet: of its destination for inbound rules.',
      '--at explains with packet engines and switches configured as they were: at 14:02, 14:02:30, 2026-11-23T14:02:30Z, -5m, or in a',
      'generation of an instance, 17 or web1:17. Routes, links and neighbours are those of now, and no connection is known. A path that',
      'comes to a sled or switch that was restarted since ends there, unknown.',
      '',
      'Where a sled chooses a switch by measured delay, each way that it may choose is told with its chance.',
      'Reasons have codes that stay the same: docs/drop-codes.md has a section for each. The form of --json is PathAnswer, version 1, in',
      'packages/contracts/testbed/openapi.json. Exit status: 0 delivered or answered on every',
      'path (and, with --reply, every answer), 1 dropped on any, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'client web1 tcp/80', brief: 'From the internet to a web server' },
      { input: 'web1 db1 tcp/5432 --brief', brief: 'Between instances; verdict, cause and remedy only' },
      { input: 'client web1 tcp/80 --ipv6', brief: 'The same by IPv6' },
      { input: 'web1 192.0.2.1 icmp --size 1500', brief: 'A large packet' },
      { input: 'web1 192.0.2.1 udp/53 --source-port 40000', brief: 'The next packet of a flow that is there' },
      { input: 'web1 --pcap web.pcapng --frame 3', brief: 'A captured packet, if web1 sent it now' },
      { input: 'client web1 tcp/80 --reply', brief: 'There and back' },
      {
        input: "client web1 tcp/80 --with 'fw allow inbound tcp/80 from 203.0.113.0/24'",
        brief: 'Would this rule do?',
      },
      {
        input:
          "web1 10.8.0.1 icmp --with 'router add edge' --with 'subnet default router edge' --with 'route add 10.8.0.0/16 via instance:vpn'",
        brief: 'Would this route?',
      },
      { input: "client web2 tcp/22 --with 'ip attach spare-ip web2'", brief: 'Would this address?' },
      { input: 'client web1 tcp/80 --at 14:02', brief: 'Why it worked (or did not) then' },
      { input: 'client web1 tcp/80 --minimal', brief: 'How it ends, in words that stay the same: for tests' },
      { input: 'client web1 tcp/80 --json > before.json', brief: 'To compare later, with lode diff' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      brief: { kind: 'boolean', default: false, brief: 'Leave the walk out' },
      all: { kind: 'boolean', default: false, brief: 'Tell the walk of every path, also of those that end alike' },
      minimal: { kind: 'boolean', default: false, brief: 'Only how each path ends: verdict, place, code' },
      reply: { kind: 'boolean', default: false, brief: 'Explain the answer too' },
      ipv6: { kind: 'boolean', default: false, brief: 'By IPv6, between names that have addresses of both versions' },
      with: {
        kind: 'parsed',
        parse: parseText,
        variadic: true,
        default: [],
        brief: 'As if this change of rules, routes or addresses were made',
        placeholder: 'CHANGE',
      },
      at: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'As it was configured at a time or in a generation',
        placeholder: 'TIME',
      },
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
      body: { from, ...question.question, ...circumstancesOf(flags) },
    })
    if (!result.ok) {
      if (result.kind !== 'refused' || result.status !== 400) return reportFailure(this, directory, result)
      this.note(result.message)
      return this.exit(ExitStatus.usage)
    }
    const answer = result.value
    if (flags.json) this.printJson(answer)
    else {
      const { answerText, minimalText } = await import('./answer-text.ts')
      const text = { isBrief: flags.brief, hasAll: flags.all, color: this.color }
      this.print(flags.minimal ? minimalText(answer) : answerText(answer, text))
    }
    if (!isWell(answer)) this.exit(ExitStatus.failed)
  },
})

type Question =
  | { readonly ok: true; readonly question: Omit<PathAnswer['question'], 'from'> }
  | { readonly ok: false; readonly message: string }

async function questionOf(
  { pcap, frame, size, sourcePort, ipv6 }: ExplainFlags,
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
      ...(ipv6 ? { ip_version: 'v6' as const } : {}),
    }
    return { ok: true, question: { to, ...packet, ...more } }
  }
  if (to !== undefined || size !== undefined || sourcePort !== undefined || ipv6) {
    return { ok: false, message: 'a captured packet says itself where to, by what, on which ports and how long it is' }
  }
  const { capturedQuestion } = await import('./captured-frame.ts')
  const { readFile } = await import('node:fs/promises')
  const bytes = await readFile(pcap).catch((error: Error) => error.message)
  if (typeof bytes === 'string') return { ok: false, message: `${pcap}: ${bytes}` }
  return capturedQuestion(bytes, frame ?? 1)
}

function circumstancesOf(flags: ExplainFlags): Pick<PathAnswer['question'], 'reply' | 'with' | 'at'> {
  return {
    ...(flags.reply ? { reply: true } : {}),
    ...(flags.with.length === 0 ? {} : { with: [...flags.with] }),
    ...(flags.at === undefined ? {} : { at: flags.at }),
  }
}

function isWell({ paths }: PathAnswer): boolean {
  const ends = paths.flatMap(({ verdict, reply }) => [verdict, ...(reply?.paths ?? []).map((path) => path.verdict)])
  const arrives = paths.some(({ verdict }) => verdict === 'delivered' || verdict === 'answered')
  return arrives && !ends.includes('dropped')
}
