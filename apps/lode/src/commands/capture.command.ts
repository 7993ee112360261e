import { buildCommand } from '@stricli/core'
import { open } from 'node:fs/promises'
import type { LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'

interface CaptureFlags extends RackFlags {
  readonly write: string
  readonly verdicts: boolean
  readonly count?: number
  readonly seconds?: number
}

const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new Error('expected a number above 0')
  return value
}

export const captureCommand = buildCommand({
  docs: {
    brief: 'Capture frames on links into a pcapng file',
    fullDescription: [
      'Links are named as in `lode status`. `switch0-cpu` and `switch1-cpu` are the CPU ports of the switches: what they forward',
      'to their control software and back, with the sidecar header that docs/wireshark/lodestone.lua decodes.',
      'A packet has the same number (packet id) on every link.',
    ].join('\n'),
    customUsage: [
      { input: 'sled0-switch0 -w underlay.pcapng', brief: 'One link until Ctrl-C' },
      { input: 'switch0-cpu -w punts.pcapng --count 100', brief: 'What switch0 asks its CPU to do' },
      {
        input: '-w drops.pcapng --verdicts',
        brief: 'All links; what became of each packet, and why, is a comment on it',
      },
      { input: '-w - --seconds 5', brief: 'All links for five seconds, to standard output (pipe it to Wireshark)' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      write: { kind: 'parsed', parse: parseText, brief: 'File to write, - for standard output', placeholder: 'FILE' },
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
    aliases: { w: 'write' },
    positional: { kind: 'array', parameter: { parse: parseText, brief: 'Links; none means all', placeholder: 'LINK' } },
  },
  async func(this: LodeContext, flags: CaptureFlags, ...links: string[]) {
    const { PcapngBlocks } = await import('@lodestone/packet')
    const directory = this.stateDirectory(flags.state)
    const file = flags.write === '-' ? undefined : await open(flags.write, 'w')
    const aborter = new AbortController()
    this.process.once('SIGINT', () => aborter.abort())
    const result = await (
      await rackClient(this, directory)
    ).capture({
      body: {
        links,
        ...(flags.verdicts ? { verdicts: true } : {}),
        ...(flags.count === undefined ? {} : { max_frames: flags.count }),
        ...(flags.seconds === undefined ? {} : { duration_ms: flags.seconds * 1000 }),
      },
      signal: aborter.signal,
    })
    if (!result.ok) {
      await file?.close()
      return reportFailure(this, directory, result)
    }
    // Ctrl-C comes at any time, and what came over the socket until then may end inside a block.
    const blocks = new PcapngBlocks()
    let bytes = 0
    try {
      for await (const part of result.value) {
        const chunk = blocks.push(part)
        bytes += chunk.length
        if (file === undefined) this.process.stdout.write(chunk)
        else await file.write(chunk)
      }
    } catch (error) {
      if (!aborter.signal.aborted) throw error
    } finally {
      await file?.close()
    }
    if (flags.json) this.note(JSON.stringify({ file: flags.write, bytes }))
    else this.note(`${bytes} bytes written to ${flags.write === '-' ? 'standard output' : flags.write}`)
  },
})
