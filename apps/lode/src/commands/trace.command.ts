import type { StoryEvent } from '@lodestone/probe'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'

interface TraceFlags extends RackFlags {
  readonly count?: number
}

export const traceCommand = buildCommand({
  docs: {
    brief: 'Tell the stories of live packets, hop by hop',
    fullDescription: [
      'The filter is terms joined by "and", each optionally after "not":',
      '  tcp udp icmp icmp6 arp ip ip6 syn ack fin rst   host ADDRESS   port NUMBER   vni NUMBER   node NAME   dropped   delivered',
      'A packet matches in any form it takes on its way: before or after NAT, inside or outside the tunnel.',
    ].join('\n'),
    customUsage: [
      { input: 'tcp and port 80 and syn', brief: 'Connection attempts to web servers' },
      { input: 'dropped', brief: 'Every packet that is dropped, and why' },
      { input: '--count 1 host 198.51.100.10', brief: 'One packet, then stop' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      count: {
        kind: 'parsed',
        parse: (text: string): number => {
          const count = Number(text)
          if (!Number.isInteger(count) || count < 1) throw new Error('--count takes a whole number from 1')
          return count
        },
        optional: true,
        brief: 'Stop after this many packets',
        placeholder: 'N',
      },
    },
    positional: { kind: 'array', parameter: { parse: parseText, brief: 'Filter', placeholder: 'FILTER' } },
  },
  async func(this: LodeContext, flags: TraceFlags, ...words: string[]) {
    const { readNdjson } = await import('@lodestone/api')
    const { TraceEvent } = await import('@lodestone/contract-testbed')
    const { parseStoryFilter, renderStory } = await import('@lodestone/probe')
    const filter = words.join(' ')
    const parsed = parseStoryFilter(filter)
    if (!parsed.ok) {
      this.note(parsed.message)
      return this.exit(ExitStatus.usage)
    }
    const directory = this.stateDirectory(flags.state)
    const aborter = new AbortController()
    this.process.once('SIGINT', () => aborter.abort())
    const result = await (
      await rackClient(this, directory)
    ).trace({
      query: { ...(filter === '' ? {} : { filter }), ...(flags.count === undefined ? {} : { packets: flags.count }) },
      signal: aborter.signal,
    })
    if (!result.ok) return reportFailure(this, directory, result)
    let story: StoryEvent[] = []
    const flush = (): void => {
      if (story.length > 0 && !flags.json) this.print(`packet ${story[0]!.packet}\n${renderStory(story, this)}\n`)
      story = []
    }
    try {
      // The rack sends each story's events together.
      for await (const event of readNdjson(result.value, TraceEvent)) {
        if (flags.json) this.print(JSON.stringify(event))
        if (story.length > 0 && story[0]!.packet !== event.packet) flush()
        // because the contract leaves the step open for kinds that are newer than this program
        story.push(event as StoryEvent)
      }
    } catch (error) {
      if (!aborter.signal.aborted) throw error
    }
    flush()
  },
})
