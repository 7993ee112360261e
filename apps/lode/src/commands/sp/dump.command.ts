import { buildCommand } from '@stricli/core'
import { writeFileSync } from 'node:fs'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { type RackFlags, rackFlags } from '../../state-flag.ts'
import { outputFlag } from '../isf/text-file.ts'
import { type BoardId, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

interface DumpFlags extends RackFlags {
  readonly output?: string
}

export const dumpCommand = buildCommand({
  docs: {
    brief: 'Read the dump of a crashed task',
    customUsage: [
      { input: 'sled0', brief: 'How many there are' },
      { input: 'sled0 0', brief: 'The first, as text' },
      { input: 'sled0 0 --output thermal.dump', brief: 'Into a file' },
    ],
  },
  parameters: {
    flags: { ...rackFlags, output: outputFlag },
    aliases: { o: 'output' },
    positional: {
      kind: 'tuple',
      parameters: [
        boardParameter,
        {
          parse: (text: string): number => {
            const index = Number(text)
            if (!Number.isInteger(index) || index < 0) throw new Error('expected the number of a dump, from 0')
            return index
          },
          optional: true,
          brief: 'Which, from 0',
          placeholder: 'N',
        },
      ],
    },
  },
  async func(this: LodeContext, flags: DumpFlags, board: BoardId, index?: number) {
    const { gateway } = await spClients(this, flags)
    if (index === undefined) {
      const count = valueOrReport(this, flags, await gateway.sp_task_dump_count({ params: board }))
      if (count === undefined) return
      return flags.json ? this.printJson({ count }) : this.print(`${count} dumps`)
    }
    const params = { ...board, task_dump_index: index }
    const dump = valueOrReport(this, flags, await gateway.sp_task_dump_get({ params }))
    if (dump === undefined) return
    const memory = Buffer.from(dump.base64_memory, 'base64')
    if (flags.output !== undefined) {
      try {
        writeFileSync(flags.output, memory)
      } catch (error) {
        this.note(`cannot write ${flags.output}: ${(error as Error).message}`)
        this.exit(ExitStatus.failed)
      }
      return
    }
    if (flags.json) return this.printJson(dump)
    this.print(`task ${dump.task_index}, ${dump.timestamp_ms} ms after the start, ${memory.length} bytes`)
    this.print(memory.toString('utf8'))
  },
})
