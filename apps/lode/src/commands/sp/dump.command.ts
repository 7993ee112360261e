import { buildCommand } from '@stricli/core'
import type { TaskMemory } from '@lodestone/contract-sp'
import { readFileSync, writeFileSync } from 'node:fs'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { outputFlag } from '../isf/text-file.ts'
import { type BoardId, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

interface DumpFlags extends RackFlags {
  readonly output?: string
  readonly offline?: string
}

export const dumpCommand = buildCommand({
  docs: {
    brief: 'Read the dump of a crashed task',
    customUsage: [
      { input: 'sled0', brief: 'How many there are' },
      { input: 'sled0 0', brief: 'The first: tasks, log, counters' },
      { input: 'sled0 0 --output thermal.dump', brief: 'Into a file' },
      { input: '--offline thermal.dump', brief: 'Read that file; no rack is needed' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      output: outputFlag,
      offline: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Read a dump from a file instead',
        placeholder: 'FILE',
      },
    },
    aliases: { o: 'output' },
    positional: {
      kind: 'tuple',
      parameters: [
        { ...boardParameter, optional: true },
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
  async func(this: LodeContext, flags: DumpFlags, board?: BoardId, index?: number) {
    if (flags.offline !== undefined) {
      let bytes: Uint8Array
      try {
        bytes = readFileSync(flags.offline)
      } catch (error) {
        this.note(`cannot read ${flags.offline}: ${(error as Error).message}`)
        return this.exit(ExitStatus.failed)
      }
      return await show(this, flags, bytes, flags.offline)
    }
    if (board === undefined) {
      this.note('name a board, as in sled0, or a file with --offline FILE')
      return this.exit(ExitStatus.usage)
    }
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
    await show(this, flags, memory, 'the dump')
  },
})

/** What a debugger would show; the bytes need not come from a rack that runs. */
async function show(context: LodeContext, flags: DumpFlags, bytes: Uint8Array, from: string): Promise<void> {
  const { readTaskMemory } = await import('@lodestone/contract-sp')
  const read = readTaskMemory(bytes)
  if (!read.ok) {
    context.note(`${from} is no dump that can be read: ${read.problem}`)
    return context.exit(ExitStatus.failed)
  }
  if (flags.json) return context.printJson(read.memory)
  context.print(memoryText(read.memory))
}

function memoryText({ task, tasks, entries, counters }: TaskMemory): string {
  const table = textTable(
    ['task', 'priority', 'state', 'generation', 'faults', 'last fault'],
    tasks.map((each) => [
      each.name,
      String(each.priority),
      each.isRunning ? 'running' : 'faulted',
      String(each.generation),
      String(each.faults),
      each.lastFault ?? '',
    ]),
  )
  const log = textTable(
    ['ms', 'gen', 'times', 'entry'],
    entries.map((each) => [each.atMs.toFixed(1), String(each.generation), String(each.count), each.text]),
  )
  const counts = textTable(
    ['counter', 'count'],
    Object.entries(counters).map(([name, count]) => [name, String(count)]),
  )
  return [`task ${task}`, table, entries.length === 0 ? 'nothing was logged' : log, counts].join('\n\n')
}
