import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { outputFlag, writeOutput } from '../isf/text-file.ts'
import { loadSpecification } from './load-specification.ts'

interface MapFlags {
  readonly json: boolean
  readonly output?: string
}

export const mapCommand = buildCommand({
  docs: {
    brief: 'Print the address of every register',
    customUsage: [
      { input: 'nic.rsf', brief: 'As 0x7400: phys/1/status' },
      { input: '--json nic.rsf', brief: 'With types, fields and enums, for other tools' },
    ],
  },
  parameters: {
    flags: { json: { kind: 'boolean', default: false, brief: 'Print JSON' }, output: outputFlag },
    aliases: { o: 'output' },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: MapFlags, file: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const { addressMapJson, renderAddressMap } = await import('@lodestone/rsf')
    const { specification } = loaded
    const text = flags.json
      ? `${JSON.stringify(addressMapJson(specification), undefined, 2)}\n`
      : renderAddressMap(specification)
    writeOutput(this, flags.output, text)
  },
})
