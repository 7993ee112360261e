import { buildCommand, numberParser } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { parsePublish, type PublishSpec } from '../publish-spec.ts'
import { parseText } from '../state-flag.ts'

export interface UpFlags {
  readonly sleds: number
  readonly multipath: 'delay' | 'hash'
  readonly config?: string
  readonly uninitialized: boolean
  readonly technicianPort: number
  readonly state?: string
  readonly database?: string
  readonly console?: string
  readonly apiPort: number
  readonly tlsPort?: number
  readonly publish: readonly PublishSpec[]
  readonly json: boolean
}

export const upCommand = buildCommand({
  docs: {
    brief: 'Start a rack and keep it running until Ctrl-C',
    fullDescription: [
      'Prints the API address and the credentials, then what becomes ready and how long it took.',
      'The same state directory brings the same instances and addresses back.',
    ].join('\n'),
    customUsage: [
      { input: '', brief: 'Four sleds, API on 127.0.0.1:12220' },
      { input: '--sleds 8 --state ./rack', brief: 'A bigger rack with its state here' },
      { input: '--config examples/rack.toml --state ./rack', brief: 'A new rack as the file says' },
      {
        input: '--uninitialized --state ./rack',
        brief: 'A new rack that waits for: lode setup examples/rack.toml --state ./rack',
      },
      { input: '--database postgres://lode@127.0.0.1/lode', brief: 'With the state of the control plane on a server' },
      {
        input: '--publish 8080=198.51.100.10:80',
        brief: 'curl http://127.0.0.1:8080 then crosses the whole rack',
      },
      {
        input: '--tls-port 12443',
        brief: 'The API on https://localhost:12443 too, by the authority in the state directory',
      },
    ],
  },
  parameters: {
    flags: {
      sleds: { kind: 'parsed', parse: sledCount, default: '4', brief: 'Sleds, 1 to 32', placeholder: 'N' },
      multipath: {
        kind: 'enum',
        values: ['delay', 'hash'],
        default: 'delay',
        brief: 'How sleds choose between the switches',
      },
      config: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'What the rack is set up with: uplinks, address pools, DNS zone, recovery silo (TOML)',
        placeholder: 'FILE',
      },
      uninitialized: {
        kind: 'boolean',
        default: false,
        brief: "Wait to be set up at the technician's port, and answer nowhere else until then",
      },
      technicianPort: {
        kind: 'parsed',
        parse: numberParser,
        default: '0',
        brief: "Port on 127.0.0.1 that leads to the technician's port; 0 picks one",
        placeholder: 'PORT',
      },
      state: { kind: 'parsed', parse: parseText, optional: true, brief: 'State directory', placeholder: 'DIR' },
      database: {
        kind: 'parsed',
        parse: postgresUrl,
        optional: true,
        brief: 'A PostgreSQL server instead of the embedded database',
        placeholder: 'URL',
      },
      console: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'A built web console to serve beside the API (index.html and assets/)',
        placeholder: 'DIR',
      },
      apiPort: {
        kind: 'parsed',
        parse: numberParser,
        default: '12220',
        brief: 'Port of the public API on 127.0.0.1; 0 picks one',
        placeholder: 'PORT',
      },
      tlsPort: {
        kind: 'parsed',
        parse: numberParser,
        optional: true,
        brief: 'Serve the API over TLS on this port of 127.0.0.1 too; 0 picks one',
        placeholder: 'PORT',
      },
      publish: {
        kind: 'parsed',
        parse: parsePublish,
        variadic: true,
        default: [],
        brief: 'Make an external address reachable from this machine',
        placeholder: 'HOSTPORT=IP:PORT',
      },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object per event' },
    },
  },
  async func(this: LodeContext, flags: UpFlags) {
    const { up } = await import('../up.ts')
    await up(this, flags)
  },
})

function sledCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > 32) throw new Error(`--sleds takes 1 to 32, not ${text}`)
  return count
}

function postgresUrl(text: string): string {
  if (!/^postgres(ql)?:\/\//.test(text)) throw new Error('--database takes postgres://USER:PASSWORD@HOST:PORT/DATABASE')
  return text
}
