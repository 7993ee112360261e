/** A program with one table of any kind of key, for the rows about writes and memory. */
import type { KeySet, MatchKind, Program } from '@lodestone/p4'
import { ProgramBuilder, state } from '../src/testing/program-builder.ts'

/**
 * Extracts the keys as one header, looks them up, and sends to the port that the entry names.
 * @param size as the program declares it, if it does.
 */
export function tableProgram(
  keys: readonly { readonly match: MatchKind; readonly width: number }[],
  size?: number,
): Program {
  const b = new ProgramBuilder('table')
  b.intrinsic('ingress.port', 16)
  const port = b.intrinsic('egress.port', 16)
  b.intrinsic('egress.drop', 1)
  const header = b.header('hdr.key', Object.fromEntries(keys.map(({ width }, k) => [`k${k}`, width])))
  b.parser('parser', [state('start', [{ kind: 'extract', header: header.id }])])
  const send = b.action('ingress.send', { port: 16 }, ([to]) => [b.assign(port, b.load(to!))])
  const miss = b.action('ingress.miss', {}, () => [b.assign(port, 1n)])
  const table = b.table(
    'ingress.table',
    keys.map(({ match }, k) => ({ name: `k${k}`, match, expression: b.load(header.slots[`k${k}`]!) })),
    [send, miss],
    size === undefined ? {} : { size },
  )
  b.control('ingress', [{ kind: 'apply', table }])
  b.control('deparser', [{ kind: 'emit', header: header.id }])
  return b.build()
}

export function exact(value: bigint): KeySet {
  return { kind: 'exact', value }
}
