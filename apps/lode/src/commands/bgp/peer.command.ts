import type { BgpNeighbor } from '@lodestone/contract-routed'
import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { textTable } from '../../text-table.ts'
import { durationText } from '../routed/duration-text.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'
import { peerArgument } from './peer-argument.ts'

interface PeerFlags extends RouterFlags {
  readonly messages: boolean
}

/** Transitions and messages shown. */
const LAST = 20

export const peerCommand = buildCommand({
  docs: {
    brief: 'Show one peer: session, timers, counters, the last changes of state and messages',
    customUsage: [
      { input: 'upstream0', brief: 'All but the messages' },
      { input: 'upstream0 --messages', brief: 'The last messages in hex too' },
    ],
  },
  parameters: {
    flags: { ...routerFlags, messages: { kind: 'boolean', default: false, brief: 'The last messages too' } },
    positional: peerArgument,
  },
  async func(this: LodeContext, flags: PeerFlags, peer: string) {
    const client = await routedClient(this, flags)
    const params = { peer }
    const [status, history, messages] = await Promise.all([
      client.bgp_neighbor({ params }),
      client.bgp_fsm_history({ params }),
      client.bgp_message_history({ params }),
    ])
    if (!status.ok) return reportRoutedFailure(this, flags, status)
    if (!history.ok) return reportRoutedFailure(this, flags, history)
    if (!messages.ok) return reportRoutedFailure(this, flags, messages)
    if (flags.json) return this.printJson({ ...status.value, history: history.value, messages: messages.value })
    this.print(peerText(status.value))
    this.print('')
    this.print(
      textTable(
        ['time', 'from', 'to', 'reason'],
        history.value.slice(-LAST).map((entry) => [entry.time, entry.from, entry.to, entry.reason]),
      ),
    )
    if (!flags.messages) return
    this.print('')
    for (const { time, direction, type, length, hex } of messages.value.slice(-LAST)) {
      this.print(`${time} ${direction === 'sent' ? '→' : '←'} ${type}, ${length} bytes\n    ${hex.slice(38)}`)
    }
  },
})

export function peerText(peer: BgpNeighbor): string {
  const { timers } = peer
  const lines = [`${peer.name}: ${peer.state} for ${durationText(peer.in_state_ms)}`]
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') lines.push(`  ${`${name}:`.padEnd(22)}${value}`)
  }
  add('description', peer.description)
  add(
    'peer',
    `${peer.remote_address}, AS ${peer.remote_asn}${peer.peer_id === undefined ? '' : `, ID ${peer.peer_id}`}`,
  )
  add('our end', peer.local_address)
  add('interface', peer.interface === undefined ? undefined : `${peer.interface}${peer.link_down ? ', down' : ''}`)
  add(
    'kind',
    [
      peer.external === true ? 'external' : peer.external === false ? 'internal' : '',
      peer.dynamic === true ? 'dynamic' : '',
      peer.unnumbered === true ? 'unnumbered' : '',
    ]
      .filter((word) => word !== '')
      .join(', '),
  )
  add('families', peer.families.join(' '))
  add('capabilities', peer.capabilities.join(', '))
  add('role', peer.role)
  add(
    'add-path',
    [
      ...(peer.add_path_receive ?? []).map((family) => `receive ${family}`),
      ...(peer.add_path_send ?? []).map((family) => `send ${family}`),
    ].join(', '),
  )
  add(
    'hold time',
    `${timers.negotiated_hold_s ?? timers.configured_hold_s} s${timers.hold_remaining_ms === undefined ? '' : `, ${durationText(timers.hold_remaining_ms)} left`}`,
  )
  add('keepalive', timers.negotiated_keepalive_s === undefined ? undefined : `${timers.negotiated_keepalive_s} s`)
  add(
    'next attempt',
    timers.connect_retry_remaining_ms === undefined
      ? undefined
      : `in ${durationText(timers.connect_retry_remaining_ms)}`,
  )
  add(
    'idle',
    timers.idle_hold_remaining_ms === undefined ? undefined : `${durationText(timers.idle_hold_remaining_ms)} more`,
  )
  add(
    'routes',
    `${peer.paths_received} received, ${peer.paths_refused ?? 0} of them refused, ${peer.prefixes_advertised} told`,
  )
  const restart = peer.graceful_restart
  if (restart !== undefined) {
    add(
      'graceful restart',
      restart.negotiated
        ? `the peer asks for ${restart.peer_restart_time_s} s, ${restart.stale_paths} stale paths`
        : 'not negotiated',
    )
  }
  for (const [name, note] of [
    ['last error sent', peer.last_notification_sent],
    ['last error received', peer.last_notification_received],
  ] as const) {
    if (note !== undefined) add(name, `${note.time} ${note.code}/${note.subcode} ${note.text}`)
  }
  const counters = Object.entries(peer.counters).filter(([, value]) => value > 0)
  add('counters', counters.map(([name, value]) => `${name} ${value}`).join(', '))
  return lines.join('\n')
}
