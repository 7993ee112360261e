/** Flags that every command which talks to a running rack has. */

const identity = (text: string): string => text

export interface RackFlags {
  readonly state?: string
  readonly json: boolean
}

export const rackFlags = {
  state: { kind: 'parsed', parse: identity, optional: true, brief: 'State directory of the rack', placeholder: 'DIR' },
  json: { kind: 'boolean', default: false, brief: 'Print JSON' },
} as const

export { identity as parseText }
