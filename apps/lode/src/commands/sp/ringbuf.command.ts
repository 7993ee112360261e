import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { type BoardId, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

interface RingbufFlags extends RackFlags {
  readonly tasks: boolean
  readonly counters: boolean
}

export const ringbufCommand = buildCommand({
  docs: {
    brief: 'Show what the tasks of a service processor logged, as a debugger at the board would',
    customUsage: [
      { input: 'sled0', brief: 'All tasks, in order of time' },
      { input: 'sled0 thermal', brief: 'One task' },
      { input: '--tasks sled0', brief: 'The tasks, their restarts and last faults' },
      { input: '--counters sled0', brief: 'Requests, datagrams, what was malformed or lost' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      tasks: { kind: 'boolean', default: false, brief: 'List the tasks instead' },
      counters: { kind: 'boolean', default: false, brief: 'Show the counters instead' },
    },
    positional: {
      kind: 'tuple',
      parameters: [boardParameter, { parse: parseText, optional: true, brief: 'Task', placeholder: 'TASK' }],
    },
  },
  async func(this: LodeContext, flags: RingbufFlags, board: BoardId, task?: string) {
    const { lab } = await spClients(this, flags)
    if (flags.tasks) {
      const tasks = valueOrReport(this, flags, await lab.lab_task_list({ params: board }))
      if (tasks === undefined) return
      if (flags.json) return this.printJson(tasks)
      return this.print(
        textTable(
          ['task', 'priority', 'state', 'generation', 'faults', 'entries', 'last fault'],
          tasks.map((each) => [
            each.name,
            String(each.priority),
            each.state,
            String(each.generation),
            String(each.faults),
            String(each.entries),
            each.last_fault ?? '',
          ]),
        ),
      )
    }
    if (flags.counters) {
      const counters = valueOrReport(this, flags, await lab.lab_counters({ params: board }))
      if (counters === undefined) return
      if (flags.json) return this.printJson(counters)
      return this.print(
        textTable(
          ['counter', 'count'],
          Object.entries(counters).map(([name, count]) => [name, String(count)]),
        ),
      )
    }
    const query = task === undefined ? {} : { task }
    const entries = valueOrReport(this, flags, await lab.lab_ringbuf({ params: board, query }))
    if (entries === undefined) return
    if (flags.json) return this.printJson(entries)
    if (entries.length === 0) return this.print('nothing was logged')
    this.print(
      textTable(
        ['ms', 'task', 'gen', 'times', 'entry'],
        entries.map((each) => [
          each.at_ms.toFixed(1),
          each.task,
          String(each.generation),
          String(each.count),
          each.text,
        ]),
      ),
    )
  },
})
