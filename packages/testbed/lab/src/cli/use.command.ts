/** Commands that use a running laboratory: exec, console, capture, traffic, test. */
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LabContext } from '../os-context.ts'
import { connect, consoleOf, type LabFlags, labFlags, parseText, textTable, valueOrReport } from './connection.ts'

/** As shells have it. */
const INTERRUPTED = 130

const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new Error('expected a number above 0')
  return value
}

export const execCommand = buildCommand({
  docs: {
    brief: 'Run a command on a node; output as it comes, and its exit code',
    customUsage: [
      { input: 'left -- ping 10.0.0.2', brief: 'From an emulated host' },
      { input: 'frr -- vtysh -c "show bgp summary"', brief: 'In a namespace' },
    ],
  },
  parameters: {
    flags: labFlags,
    positional: {
      kind: 'array',
      minimum: 2,
      parameter: { parse: parseText, brief: 'Node, then the command', placeholder: 'WORD' },
    },
  },
  async func(this: LabContext, flags: LabFlags, node: string, ...words: string[]) {
    const { readNdjson } = await import('@lodestone/api')
    const { ExecLine } = await import('../control/lab-api.ts')
    const aborter = new AbortController()
    this.process.once('SIGINT', () => aborter.abort())
    const command = words.length === 1 ? words[0]! : words.map(quoted).join(' ')
    const result = valueOrReport(
      this,
      await (await connect(this, flags)).exec({ body: { node, command }, signal: aborter.signal }),
    )
    if (result === undefined) return
    let [stdout, stderr] = ['', '']
    try {
      for await (const line of readNdjson(result.value, ExecLine)) {
        if ('error' in line) {
          this.note(line.error)
          return this.exit(ExitStatus.usage)
        }
        if ('exit_code' in line) {
          if (flags.json) this.printJson({ node, command, stdout, stderr, exit_code: line.exit_code })
          this.exit(line.exit_code)
        } else if (flags.json) {
          if (line.stream === 'stdout') stdout += line.text
          else stderr += line.text
        } else this.process[line.stream].write(line.text)
      }
    } catch (error) {
      if (!aborter.signal.aborted) throw error
      this.exit(INTERRUPTED)
    }
  },
})

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

export const consoleCommand = buildCommand({
  docs: { brief: 'Attach to the console of a node; Ctrl-] leaves', customUsage: ['left'] },
  parameters: {
    flags: labFlags,
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Node', placeholder: 'NODE' }] },
  },
  async func(this: LabContext, flags: LabFlags, node: string) {
    const { joinTerminal } = await import('../os-console.ts')
    let left: Promise<void> | undefined
    const console = await consoleOf(this, flags)
    const result = await console({ params: { node } }, (channel) => (left = joinTerminal(channel)))
    if (valueOrReport(this, result) !== undefined) await left
  },
})

interface CaptureFlags extends LabFlags {
  readonly write: string
  readonly filter?: string
  readonly verdicts: boolean
  readonly count?: number
  readonly seconds?: number
}

export const captureCommand = buildCommand({
  docs: {
    brief: 'Capture frames on any set of links into one pcapng file, one interface for each link',
    fullDescription: [
      'A filter is made of: tcp udp icmp icmp6 arp ip ip6 geneve vlan …; [src|dst] host A, net PREFIX, port N; ether host MAC,',
      'ether proto N; vni N; less N, greater N; HEADER.FIELD = VALUE (also != < > <= >=); not, and, or, parentheses.',
    ].join('\n'),
    customUsage: [
      { input: '-w all.pcapng', brief: 'Everything until Ctrl-C' },
      { input: 'left-sw -w - | wireshark -k -i -', brief: 'Live' },
      {
        input: `left-sw -w - --filter 'tcp and port 80' --verdicts`,
        brief: 'With what became of each packet as a comment',
      },
    ],
  },
  parameters: {
    flags: {
      ...labFlags,
      write: { kind: 'parsed', parse: parseText, brief: 'File to write, - for standard output', placeholder: 'FILE' },
      filter: { kind: 'parsed', parse: parseText, optional: true, brief: 'Which frames', placeholder: 'EXPRESSION' },
      verdicts: { kind: 'boolean', default: false, brief: 'What became of each packet, as comments' },
      count: {
        kind: 'parsed',
        parse: positive,
        optional: true,
        brief: 'Stop after this many frames',
        placeholder: 'N',
      },
      seconds: { kind: 'parsed', parse: positive, optional: true, brief: 'Stop after this time', placeholder: 'S' },
    },
    aliases: { w: 'write', f: 'filter' },
    positional: {
      kind: 'array',
      parameter: { parse: parseText, brief: 'Links, nodes, groups; none means all', placeholder: 'TARGET' },
    },
  },
  async func(this: LabContext, flags: CaptureFlags, ...targets: string[]) {
    const { writeCapture } = await import('../os-text-file.ts')
    const aborter = new AbortController()
    this.process.once('SIGINT', () => aborter.abort())
    const result = valueOrReport(
      this,
      await (
        await connect(this, flags)
      ).capture({
        body: {
          targets,
          verdicts: flags.verdicts,
          ...(flags.filter === undefined ? {} : { filter: flags.filter }),
          ...(flags.count === undefined ? {} : { max_frames: flags.count }),
          ...(flags.seconds === undefined ? {} : { duration_ms: flags.seconds * 1000 }),
        },
        signal: aborter.signal,
      }),
    )
    if (result === undefined) return
    const bytes = await writeCapture(flags.write, result.value, aborter.signal)
    this.note(flags.json ? JSON.stringify({ file: flags.write, bytes }) : `${bytes} bytes written`)
  },
})

interface TrafficFlags extends LabFlags {
  readonly udp: boolean
  readonly flows: number
  readonly parallel: boolean
  readonly bytes: number
  readonly rateBps: number
}

export const trafficCommand = buildCommand({
  docs: {
    brief: 'Send flows from one emulated host to another: throughput and completion times',
    customUsage: [
      { input: 'left right --bytes 10000000', brief: 'One TCP flow' },
      { input: 'left right --flows 20 --parallel', brief: 'Twenty at once' },
      { input: 'left right --udp --rate-bps 5e6', brief: 'Datagrams: loss and reordering' },
    ],
  },
  parameters: {
    flags: {
      ...labFlags,
      udp: { kind: 'boolean', default: false, brief: 'Datagrams instead of TCP' },
      flows: { kind: 'parsed', parse: positive, default: '1', brief: 'How many', placeholder: 'N' },
      parallel: { kind: 'boolean', default: false, brief: 'All at once' },
      bytes: { kind: 'parsed', parse: positive, default: '1000000', brief: 'Per flow', placeholder: 'N' },
      rateBps: { kind: 'parsed', parse: positive, default: '10000000', brief: 'Of UDP senders', placeholder: 'BPS' },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'From', placeholder: 'FROM' },
        { parse: parseText, brief: 'To', placeholder: 'TO' },
      ],
    },
  },
  async func(this: LabContext, flags: TrafficFlags, from: string, to: string) {
    const result = valueOrReport(
      this,
      await (
        await connect(this, flags)
      ).traffic({
        body: {
          from,
          to,
          protocol: flags.udp ? 'udp' : 'tcp',
          flows: flags.flows,
          parallel: flags.parallel,
          bytes: flags.bytes,
          rate_bps: flags.rateBps,
        },
      }),
    )
    if (result === undefined) return
    const report = result.value
    if (flags.json) this.printJson(report)
    else {
      const ms = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(1))
      const { fct_ms: fct } = report
      this.print(
        textTable(
          ['flows', 'completed', 'bytes', 'Mbit/s', 'fct p50 ms', 'fct p99 ms', 'lost', 'reordered'],
          [
            [
              String(report.flows),
              String(report.completed),
              String(report.bytes),
              (report.throughput_bps / 1e6).toFixed(2),
              ms(fct?.p50),
              ms(fct?.p99),
              String(report.lost),
              String(report.reordered),
            ],
          ],
        ),
      )
      for (const error of report.errors) this.note(error)
    }
    if (report.completed < report.flows) this.exit(ExitStatus.failed)
  },
})

interface TestFlags extends LabFlags {
  readonly time: 'auto' | 'virtual' | 'real' | 'running'
  readonly seed: number
  readonly only?: string
}

export const testCommand = buildCommand({
  docs: {
    brief: "The program's own tests; exit status 1 when one does not hold",
    fullDescription: [
      'In virtual time where every node can live there: no waiting, and the same seed gives the same run. Otherwise in real time, in a',
      'laboratory that is launched for it. With --time running, on the one that runs.',
    ].join('\n'),
    customUsage: [
      '',
      { input: '--time running', brief: 'On the laboratory that was launched' },
      { input: '--seed 7', brief: 'Another run' },
    ],
  },
  parameters: {
    flags: {
      ...labFlags,
      time: { kind: 'enum', values: ['auto', 'virtual', 'real', 'running'], default: 'auto', brief: 'Where' },
      seed: { kind: 'parsed', parse: Number, default: '1', brief: 'Of virtual time', placeholder: 'N' },
      only: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Tests whose name has this in it',
        placeholder: 'TEXT',
      },
    },
  },
  async func(this: LabContext, flags: TestFlags) {
    const { testLab } = await import('./test-lab.ts')
    await testLab(this, flags)
  },
})
