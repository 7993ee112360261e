import type { LabFault as Fault } from '@lodestone/contract-sp'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { type BoardId, boardName, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

interface FaultFlags extends RackFlags {
  readonly clear: boolean
}

export const faultCommand = buildCommand({
  docs: {
    brief: 'Break something on a board, or mend it',
    fullDescription: [
      'KIND with NAME=VALUE for what it takes:',
      '  unresponsive   slow delay_ms=   gate   network loss= duplicate=   task-crash task= [every_ms=]',
      '  sensor sensor= fault=stuck|missing|error|timeout|unavailable|ramp [kelvin_per_s=]',
      '  fan fan= [health=dead|missing]   air celsius=   brown-out millivolts=   thermal-trip   host-reset',
      '  rail-stuck rail=   rail-lost rail=   sequencer-bus   processor found=absent|unknown',
      '  bad-caboose   wrong-board   update-interrupted after_bytes=   rot-mismatch   console-garbage bytes=',
      '  ignition-link [controller=0|1]   mac-collision mac=',
    ].join('\n'),
    customUsage: [
      { input: 'sled1', brief: 'What is broken' },
      { input: 'sled1 fan fan=2', brief: 'A fan that stands still' },
      { input: 'sled1 sensor sensor=cpu fault=ramp kelvin_per_s=2', brief: 'A sensor that drifts' },
      { input: '--clear sled1', brief: 'Mend everything' },
      { input: '--clear sled1 fan', brief: 'Mend the fans' },
    ],
  },
  parameters: {
    flags: { ...rackFlags, clear: { kind: 'boolean', default: false, brief: 'Mend instead of break' } },
    positional: {
      kind: 'array',
      parameter: {
        parse: parseText,
        brief: 'BOARD, then KIND and NAME=VALUE',
        placeholder: 'BOARD [KIND [NAME=VALUE …]]',
      },
      minimum: 1,
    },
  },
  async func(this: LodeContext, flags: FaultFlags, ...words: string[]) {
    const [name = '', kind, ...settings] = words
    let board: BoardId
    try {
      board = boardParameter.parse(name)
    } catch (error) {
      this.note((error as Error).message)
      return this.exit(ExitStatus.usage)
    }
    const { lab } = await spClients(this, flags)
    if (flags.clear) {
      const query = kind === undefined ? {} : { kind }
      const result = valueOrReport(this, flags, await lab.lab_fault_clear({ params: board, query }))
      if (result === undefined) return
      return flags.json ? this.printJson(result) : this.print(`${result.cleared} mended`)
    }
    if (kind === undefined) {
      const view = valueOrReport(this, flags, await lab.lab_sp_view({ params: board }))
      if (view === undefined) return
      if (flags.json) return this.printJson(view.faults)
      return this.print(
        view.faults.length === 0 ? 'nothing is broken' : view.faults.map((each) => JSON.stringify(each)).join('\n'),
      )
    }
    const { LabFault } = await import('@lodestone/contract-sp')
    const parsed = LabFault.safeParse({ kind, ...Object.fromEntries(settings.map(setting)) })
    if (!parsed.success) {
      const issue = parsed.error.issues[0]
      this.note(
        `${kind}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}; lode sp fault --help lists what there is`,
      )
      return this.exit(ExitStatus.usage)
    }
    // because the schema gave it
    const result = await lab.lab_fault_inject({ params: board, body: parsed.data as Fault })
    if (!result.ok) return void valueOrReport(this, flags, result)
    if (flags.json) return this.printJson(parsed.data)
    this.print(`${boardName(board)}: ${kind}`)
  },
})

function setting(text: string): readonly [string, string | number] {
  const at = text.indexOf('=')
  const [name, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  return [name, value !== '' && Number.isFinite(Number(value)) ? Number(value) : value]
}
