/** Types and conversions that several groups of handlers share. */
import { ApiFailure, type Handlers, invalidRequest, objectNotFound } from '@lodestone/api'
import type { SwitchdApi } from '@lodestone/contract-switchd'
import { Ip, Mac, Prefix } from '@lodestone/net'
import type { Outcome } from '../outcome.ts'
import { portNumber } from '../port-number.ts'
import type { Switchd } from '../switchd.ts'

/** The handlers of some operations. */
export type Operations<Ids extends keyof Handlers<SwitchdApi>> = Pick<Handlers<SwitchdApi>, Ids>

/** The number of a port that this switch has; 404 otherwise. */
export function portOf(switchd: Switchd, portId: string): number {
  const port = portNumber(portId)
  if (port === undefined || !switchd.node.ports.includes(port)) throw objectNotFound('port', { name: portId })
  return port
}

// The schemas check addresses by their form; these throw 400 for the few that pass there and mean nothing here.

export function ipOf(text: string): Ip {
  const ip = Ip.parse(text)
  if (ip === undefined) throw invalidRequest(`not an IP address: ${text}`)
  return ip
}

export function prefixOf(text: string): Prefix {
  const prefix = Prefix.parse(text)
  if (prefix === undefined) throw invalidRequest(`not an IP prefix: ${text}`)
  return prefix
}

export function macOf(text: string): Mac {
  const mac = Mac.parse(text)
  if (mac === undefined) throw invalidRequest(`not a MAC address: ${text}`)
  return mac
}

/** Throws what the API answers for a failure. */
export function orThrow(outcome: Outcome): void {
  if (outcome.ok) return
  const { error } = outcome
  switch (error.kind) {
    case 'invalid':
      throw new ApiFailure({ kind: 'invalid-request', message: error.message })
    case 'notFound':
      throw new ApiFailure({ kind: 'object-not-found', type: error.type, lookup: { name: error.name } })
    case 'conflict':
      throw new ApiFailure({ kind: 'conflict', message: error.message })
    case 'capacity':
      throw new ApiFailure({ kind: 'insufficient-capacity', message: error.message })
    case 'table':
      throw new ApiFailure({ kind: 'unavailable', message: error.message })
    default: {
      const unreachable: never = error
      return unreachable
    }
  }
}
