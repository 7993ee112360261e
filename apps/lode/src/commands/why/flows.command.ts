import type { FlowLogEntry } from '@lodestone/contract-sled-agent'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { CONTROL_SOCKET, rackClient, reportFailure, socketNetwork } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'

interface FlowsFlags extends RackFlags {
  readonly addresses: boolean
}

export const flowsCommand = buildCommand({
  docs: {
    brief: 'Follow the flow log: when connections of instances begin, how they ended, what was refused',
    fullDescription: [
      'One line when a connection begins and one with its totals when it ends, of the instances on all sleds or on those that are named.',
      'A line for each packet that was refused, unless there are too many: then a line says how many were left out. See also lode why.',
    ].join('\n'),
    customUsage: [
      { input: '', brief: 'Every connection of every instance' },
      { input: 'sled0 --json', brief: 'One sled, as lines of JSON for a collector' },
      { input: '--no-addresses', brief: 'Without the other side of each connection' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      addresses: { kind: 'boolean', default: true, brief: 'Tell the other side of each connection' },
    },
    positional: { kind: 'array', parameter: { parse: parseText, brief: 'Name of a sled', placeholder: 'SLED' } },
  },
  async func(this: LodeContext, flags: FlowsFlags, ...names: string[]) {
    const { client, httpFetch, readNdjson } = await import('@lodestone/api')
    const { FlowLogEntry, sledAgentApi } = await import('@lodestone/contract-sled-agent')
    const { join } = await import('node:path')
    const directory = this.stateDirectory(flags.state)
    const info = await (await rackClient(this, directory)).info()
    if (!info.ok) return reportFailure(this, directory, info)
    const sleds = info.value.nodes.filter((node) => node.kind === 'sled').map((node) => node.name)
    const unknown = names.find((name) => !sleds.includes(name))
    if (unknown !== undefined) {
      this.note(`There is no sled ${unknown}; there are ${sleds.join(', ')}.`)
      return this.exit(ExitStatus.usage)
    }
    const aborter = new AbortController()
    this.process.once('SIGINT', () => aborter.abort())
    const fetch = httpFetch(socketNetwork(this.network, join(directory, CONTROL_SOCKET)))
    const follow = async (sled: string): Promise<void> => {
      const agent = client(sledAgentApi, fetch, `http://rack/sled-agent/${encodeURIComponent(sled)}`)
      const query = { addresses: flags.addresses }
      const log = await agent.flow_log_stream({ query, signal: aborter.signal })
      if (!log.ok) return reportFailure(this, directory, log)
      for await (const entry of readNdjson(log.value, FlowLogEntry)) {
        this.print(flags.json ? JSON.stringify({ sled, ...entry }) : flowLine(sled, entry))
      }
    }
    try {
      await Promise.all((names.length === 0 ? sleds : names).map(follow))
    } catch (error) {
      if (!aborter.signal.aborted) throw error
    }
  },
})

function flowLine(sled: string, entry: FlowLogEntry): string {
  const at = `${entry.time.slice(11, 23)} ${sled} ${entry.port_name} ${entry.kind}`
  const other = entry.remote === undefined ? '' : ` ${entry.remote}`
  if (entry.kind === 'refused') {
    const sides = entry.guest === undefined ? '' : ` ${entry.guest} ${entry.direction === 'out' ? '→' : '←'}${other}`
    const rule = entry.rule === undefined ? '' : `, rule ${entry.rule}`
    const unlogged = entry.unlogged === 0 ? '' : ` (and ${entry.unlogged} before it)`
    return `${at} ${entry.protocol ?? 'frame'}${sides}, ${entry.reason}${rule}${unlogged}`
  }
  const arrow = entry.initiator === 'out' ? '→' : '←'
  const as = entry.external === undefined ? '' : ` as ${entry.external}`
  const head = `${at} ${entry.protocol} ${entry.guest}${as} ${arrow}${other}`
  if (entry.kind === 'opened') return `${head}, rule ${entry.firewall_rule}`
  const totals = `in ${entry.packets_in} packets ${entry.bytes_in} bytes, out ${entry.packets_out} packets ${entry.bytes_out} bytes`
  return `${head}, ${totals}, after ${(entry.age_ms / 1000).toFixed(1)} s`
}
