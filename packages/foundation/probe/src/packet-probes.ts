/**
 * The probes of packets: every step of a packet's story is an event of one of the providers link, stack, parser, table, action
 * and vport. Listening turns the tracer on, so pipelines and engines tell their steps; without listeners they build none.
 */
import type { ProbeEvent, ProbePoint, ProbeSource, ProbeValue } from './probe-event.ts'
import type { NamedValue, StoryEvent } from './step.ts'
import type { Tracer } from './tracer.ts'

const SUMMARY_FIELDS = {
  summary: 'the headers in one line',
  proto: 'TCP, UDP, ICMP, ICMPv6, ARP, …',
  src: 'source address, of the outer header',
  dst: 'destination address, of the outer header',
  sport: 'source port, of the outer header',
  dport: 'destination port, of the outer header',
}
const DROP_FIELDS = {
  reason: 'stable code of the reason',
  sentence: 'the reason in words',
  detail: 'what is particular',
}

function point(
  provider: string,
  unit: string,
  name: string,
  sentence: string,
  fields: ProbePoint['fields'],
): ProbePoint {
  return { provider, unit, name, sentence, fields }
}

export const PACKET_POINTS: readonly ProbePoint[] = [
  point('link', 'cable', 'deliver', 'A frame has crossed a link.', {
    from: 'port it left',
    to: 'port it reached',
    bytes: 'length of the frame',
    delay_ms: 'time on the link, in milliseconds',
  }),
  point('link', 'cable', 'drop', 'A link lost a frame, or a queue was full.', DROP_FIELDS),
  point('stack', 'interface', 'send', 'A TCP/IP stack put a packet on an interface.', SUMMARY_FIELDS),
  point('stack', 'interface', 'deliver', 'A packet reached the stack that it is for.', SUMMARY_FIELDS),
  point('stack', 'interface', 'route', 'A stack forwards a packet.', {
    prefix: 'the route',
    next_hop: 'where it leads',
  }),
  point('stack', '', 'drop', 'A stack threw a packet away.', DROP_FIELDS),
  point('parser', 'port', 'receive', 'A pipeline or engine was given a packet.', SUMMARY_FIELDS),
  point('parser', '', 'accept', 'A parser went through the headers.', { states: 'the states, separated by spaces' }),
  point('parser', '', 'error', 'A parser met what it cannot read.', { states: 'the states', error: 'the error' }),
  point('table', 'table', 'hit', 'A lookup found an entry.', {
    entry: 'the entry as the control plane would write it',
    action: 'its action',
    'key.*': 'a field of the key',
  }),
  point('table', 'table', 'miss', 'A lookup found nothing.', {
    action: 'the default action',
    'key.*': 'a field of the key',
  }),
  point('action', 'action', 'run', 'A table ran an action.', { table: 'the table', 'param.*': 'a parameter' }),
  point('switch', 'port', 'send', 'A pipeline sent a packet out of a port.', {}),
  point('switch', '', 'punt', 'A packet went to the processor.', { to: 'where to', detail: 'why' }),
  point('switch', '', 'encap', 'A header was put in front.', { detail: 'which' }),
  point('switch', '', 'decap', 'A header was taken off.', { detail: 'which' }),
  point('switch', 'field', 'rewrite', 'A field was changed.', { from: 'what it was', to: 'what it is' }),
  point('switch', '', 'drop', 'A pipeline dropped a packet.', DROP_FIELDS),
  point('vport', '', 'drop', 'A packet engine dropped a packet.', DROP_FIELDS),
  point('vport', 'layer', 'allow', 'A layer of the packet engine let a packet pass.', {
    direction: 'in or out',
    rule: 'the rule that decided',
    source: 'rule, default or flow',
    detail: 'what it did',
  }),
  point('vport', 'layer', 'modify', 'A layer changed a packet.', {
    direction: 'in or out',
    rule: 'the rule that decided',
    source: 'rule, default or flow',
    detail: 'what it did',
  }),
  point('vport', 'layer', 'hairpin', 'A layer answered a packet itself.', {
    direction: 'in or out',
    rule: 'the rule that decided',
    source: 'rule, default or flow',
    detail: 'what it did',
  }),
  point('vport', 'layer', 'deny', 'A layer refused a packet.', {
    direction: 'in or out',
    rule: 'the rule that decided',
    source: 'rule, default or flow',
    detail: 'what it did',
  }),
]

/** The packets of one emulation. */
export function packetProbes(tracer: Tracer): ProbeSource {
  return {
    points: PACKET_POINTS,
    subscribe: (listener) => tracer.listen((event) => fire(event, listener)),
  }
}

function fire(event: StoryEvent, listener: (event: ProbeEvent) => void): void {
  const { node, atMs, packet, step } = event
  const say = (provider: string, unit: string, name: string, fields: ProbeEvent['fields']): void =>
    listener({ provider, node, unit, name, atMs, packet, fields })
  switch (step.kind) {
    case 'sent':
      return say('stack', step.interface, 'send', headers(step.summary))
    case 'delivered':
      return say('stack', '', 'deliver', headers(step.summary))
    case 'route':
      return say('stack', step.interface, 'route', { prefix: step.prefix, next_hop: step.nextHop })
    case 'link': {
      const { link, from, to, bytes, delayMs } = step
      return say('link', link, 'deliver', { from, to, bytes, delay_ms: delayMs })
    }
    case 'ingress':
      return say('parser', step.port, 'receive', headers(step.summary))
    case 'parser': {
      const states = step.states.join(' ')
      return step.error === undefined
        ? say('parser', '', 'accept', { states })
        : say('parser', '', 'error', { states, error: step.error })
    }
    case 'table': {
      const keys = named('key.', step.keys)
      say('table', step.table, step.hit ? 'hit' : 'miss', { ...keys, entry: step.entry, action: step.action })
      return say('action', step.action, 'run', { ...named('param.', step.parameters), table: step.table })
    }
    case 'layer': {
      const { layer, verdict, direction, rule, source, detail } = step
      return say('vport', layer, verdict, { direction, rule, source, detail })
    }
    case 'flow':
      return // of explanations only, which no program watches
    case 'encap':
    case 'decap':
      return say('switch', '', step.kind, { detail: step.detail })
    case 'rewrite':
      return say('switch', step.field, 'rewrite', { from: step.from, to: step.to })
    case 'egress':
      return say('switch', step.port, 'send', {})
    case 'punted':
      return say('switch', '', 'punt', { to: step.to, detail: step.detail })
    case 'dropped': {
      const { code, sentence } = step.reason
      // Codes carry their component's prefix; a link tells its drops under its own name.
      const provider = DROPPERS[code.slice(0, code.indexOf('_'))] ?? 'vport'
      return say(provider, provider === 'link' ? node : '', 'drop', { reason: code, sentence, detail: step.detail })
    }
  }
}

function named(prefix: string, values: readonly NamedValue[]): Record<string, ProbeValue> {
  return Object.fromEntries(values.map(({ name, value }) => [prefix + name, value]))
}

/** Whose reasons begin so; all others are the packet engine's, one prefix for each of its layers. */
const DROPPERS: Readonly<Record<string, string | undefined>> = { LINK: 'link', NS: 'stack', SW: 'switch', P4: 'switch' }

const ENDPOINTS = /(\S+) > (\S+)/
const PROTOCOL = /\b(TCP|UDP|ICMPv6|ICMP|ARP|Geneve)\b/

/** Reads back what the one-line summary of a frame says first. */
function headers(summary: string): Record<string, ProbeValue | undefined> {
  const proto = PROTOCOL.exec(summary)?.[1]
  const found = ENDPOINTS.exec(summary)
  if (found === null) return { summary, proto }
  const [src, sport] = endpoint(found[1]!)
  const [dst, dport] = endpoint(found[2]!.replace(/,$/, ''))
  return { summary, proto, src, dst, sport, dport }
}

/** `10.0.0.1:80`, `[fd00::1]:80`, or an address alone. */
function endpoint(text: string): readonly [string, number | undefined] {
  const v6 = /^\[(.*)\]:(\d+)$/.exec(text)
  if (v6 !== null) return [v6[1]!, Number(v6[2])]
  const v4 = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(text)
  return v4 === null ? [text, undefined] : [v4[1]!, Number(v4[2])]
}
