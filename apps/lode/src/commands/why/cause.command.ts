import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'

interface CauseFlags extends RackFlags {
  readonly packets: number
  readonly wait: number
}

const parseNumber =
  (name: string, last: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!(value >= 0 && value <= last)) throw new Error(`--${name} takes a number from 0 to ${last}`)
    return value
  }

export const causeCommand = buildCommand({
  docs: {
    brief: 'Say why an entry is in a table: by which request, route or reconciler, since when, and for which packets',
    fullDescription: [
      "An entry is named by its node, its table, and words of its text: an address, a rule's name, a MAC address. Tables are those of",
      "`lode table`: all of a switch's pipeline, v2p and rules of a sled, rib and routes of everything that routes.",
      '',
      'The last request before the entry was written is what it is there because of; it rests on the others. A request that changed',
      'nothing about the entry is not among them. Packets are listened to for as long as --wait says, unless there are enough before.',
      'A firewall rule or mapping names the connections that it decides about now, too; a BGP or static route the request that configured',
      'it or its peer. Entries that were removed or changed are told of after those that stand, with who removed them, the last hundred or so.',
      '',
      'Exit status: 0 there are such entries, 1 there are none, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'switch0 ingress_ipv4 198.51.100.30', brief: 'Who had this address translated' },
      { input: 'sled0 v2p 172.30.0.5 --wait 5', brief: 'Where an address of a VPC is; listen for five seconds' },
      { input: 'sled0 rules web1-nic0 allow-ssh', brief: 'A rule of an instance' },
      { input: 'switch0 lookup_v4 0.0.0.0/0', brief: 'From which peer a route is' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      packets: {
        kind: 'parsed',
        parse: parseNumber('packets', 100),
        default: '3',
        brief: 'Packets to show for each entry',
        placeholder: 'N',
      },
      wait: {
        kind: 'parsed',
        parse: parseNumber('wait', 60),
        default: '1',
        brief: 'Seconds to listen for them, at most',
        placeholder: 'S',
      },
    },
    positional: {
      kind: 'array',
      parameter: { parse: parseText, brief: 'Node, table, and words of the entry', placeholder: 'NODE TABLE [WORD]' },
      minimum: 2,
    },
  },
  async func(this: LodeContext, flags: CauseFlags, ...names: string[]) {
    const [node = '', table = '', ...words] = names
    const directory = this.stateDirectory(flags.state)
    const rack = await rackClient(this, directory)
    const { packets, wait } = flags
    const result = await rack.cause({ body: { node, table, words, packets, wait_ms: wait * 1000 } })
    if (!result.ok) {
      if (result.kind !== 'refused' || result.status !== 400) return reportFailure(this, directory, result)
      this.note(result.message)
      return this.exit(ExitStatus.usage)
    }
    if (flags.json) this.printJson(result.value)
    else if (result.value.entries.length === 0) this.note(`${table} of ${node} has no entry with ${words.join(' ')}`)
    else {
      const { causeText } = await import('./cause-text.ts')
      this.print(causeText(result.value))
    }
    if (result.value.entries.length === 0) this.exit(ExitStatus.failed)
  },
})
