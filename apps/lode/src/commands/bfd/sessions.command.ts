import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { textTable } from '../../text-table.ts'
import { durationText } from '../routed/duration-text.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'

export const sessionsCommand = buildCommand({
  docs: {
    brief: 'List the sessions with state, timers and who follows them',
    customUsage: ['', { input: '--json', brief: 'With all counters' }],
  },
  parameters: { flags: routerFlags },
  async func(this: LodeContext, flags: RouterFlags) {
    const result = await (await routedClient(this, flags)).bfd_status()
    if (!result.ok) return reportRoutedFailure(this, flags, result)
    if (flags.json) return this.printJson(result.value)
    if (result.value.sessions.length === 0) return this.print('no sessions')
    this.print(
      textTable(
        ['session', 'mode', 'state', 'for', 'sends every', 'detects in', 'failed', 'followed by', 'note'],
        result.value.sessions.map((session) => [
          session.name,
          session.mode,
          session.state,
          durationText(session.in_state_ms),
          `${session.transmit_interval_ms} ms`,
          session.detection_time_ms === 0 ? '-' : `${session.detection_time_ms} ms`,
          String(session.counters['sessions-failed'] ?? 0),
          session.users.join(', '),
          session.problem ?? (session.state === 'Up' ? '' : session.diagnostic),
        ]),
      ),
    )
    if (!result.value.listening) this.note('the BFD ports are not open yet')
  },
})
