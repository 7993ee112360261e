import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { parseText } from '../state-flag.ts'

export interface DemoFlags {
  readonly sleds: number
  readonly capture?: string
  readonly json: boolean
}

export const demoCommand = buildCommand({
  docs: {
    brief: 'Watch a request cross a whole rack, and see why one is dropped',
    fullDescription: [
      'Starts a rack in a temporary directory, makes an instance with a floating address through the public API, fetches a page',
      'from the internet and tells the story of the connection hop by hop. Then it removes the firewall rule and shows why the',
      'next request is dropped. Exit status 0 only if all of that happened.',
    ].join('\n'),
    customUsage: [
      { input: '', brief: 'The whole demonstration, about ten seconds' },
      { input: '--capture demo.pcapng', brief: 'Keep every frame of it for Wireshark' },
    ],
  },
  parameters: {
    flags: {
      sleds: {
        kind: 'parsed',
        parse: (text: string): number => {
          const count = Number(text)
          if (!Number.isInteger(count) || count < 1 || count > 32) throw new Error(`--sleds takes 1 to 32, not ${text}`)
          return count
        },
        default: '4',
        brief: 'Sleds, 1 to 32',
        placeholder: 'N',
      },
      capture: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Write all frames on all links to this pcapng file',
        placeholder: 'FILE',
      },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object at the end instead of text' },
    },
  },
  async func(this: LodeContext, flags: DemoFlags) {
    const { demo } = await import('../demo.ts')
    await demo(this, flags)
  },
})
