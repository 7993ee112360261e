import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'

interface LinkFlags extends RackFlags {
  readonly up: boolean
  readonly down: boolean
  readonly delayMs?: number
  readonly rateBps?: number
  readonly loss?: number
}

const amount = (text: string): number => {
  const value = Number(text)
  if (!(value >= 0)) throw new Error('expected a number, 0 or more')
  return value
}

export const linkCommand = buildCommand({
  docs: {
    brief: 'Change a link: take it down or up, delay it, limit it, make it lose frames',
    customUsage: [
      { input: 'sled0-switch0 --down', brief: 'Cut it' },
      { input: 'isp0-client --delay-ms 40 --loss 0.01', brief: 'A long and lossy path' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      up: { kind: 'boolean', default: false, brief: 'Bring it up' },
      down: { kind: 'boolean', default: false, brief: 'Take it down' },
      delayMs: { kind: 'parsed', parse: amount, optional: true, brief: 'One-way delay', placeholder: 'MS' },
      rateBps: {
        kind: 'parsed',
        parse: amount,
        optional: true,
        brief: 'Bits per second, 0 for no limit',
        placeholder: 'BPS',
      },
      loss: { kind: 'parsed', parse: amount, optional: true, brief: 'Fraction of frames lost', placeholder: '0…1' },
    },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Link', placeholder: 'LINK' }] },
  },
  async func(this: LodeContext, flags: LinkFlags, name: string) {
    const directory = this.stateDirectory(flags.state)
    const result = await (
      await rackClient(this, directory)
    ).link_set({
      params: { name },
      body: {
        ...(flags.up || flags.down ? { up: flags.up } : {}),
        ...(flags.delayMs === undefined ? {} : { delay_ms: flags.delayMs }),
        ...(flags.rateBps === undefined ? {} : { rate_bps: flags.rateBps }),
        ...(flags.loss === undefined ? {} : { loss: flags.loss }),
      },
    })
    if (!result.ok) return reportFailure(this, directory, result)
    const link = result.value
    if (flags.json) return this.printJson(link)
    this.print(`${link.name} ${link.up ? 'up' : 'down'}, ${link.delay_ms} ms, loss ${link.loss}`)
  },
})
