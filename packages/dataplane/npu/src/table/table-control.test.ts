import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import type { KeySet, Table } from '@lodestone/p4'
import { createPipeline, type Pipeline, type TableResult } from '../index.ts'
import { exact, ProgramBuilder } from '../testing/program-builder.ts'

const ANY: KeySet = { kind: 'any' }

function pipelineWith(options: Partial<Table> = {}): Pipeline {
  const b = new ProgramBuilder('control')
  const key = b.slot('key', 32, 'ipv4')
  const small = b.slot('small', 9)
  const set = b.action('ingress.set', { port: 9 }, () => [])
  const drop = b.action('ingress.drop', {}, () => [])
  const add = (name: string, match: Table['keys'][number]['match'], more: Partial<Table> = {}): void => {
    b.table(name, [{ name: 'hdr.ipv4.dst', match, expression: b.load(key) }], [set, drop], more)
  }
  add('ingress.exactly', 'exact', { size: 2, ...options })
  add('ingress.routes', 'lpm')
  b.table(
    'ingress.acl',
    [
      { name: 'hdr.ipv4.src', match: 'ternary', expression: b.load(key) },
      { name: 'meta.port', match: 'range', expression: b.load(small) },
      { name: 'meta.vlan', match: 'optional', expression: b.load(small) },
    ],
    [set, drop],
  )
  b.table('ingress.always', [], [set, drop])
  return createPipeline(b.build(), { arena: new Arena({ slots: 4, slotBytes: 1024 }), nowMs: () => 0 })
}

function error(result: TableResult): unknown {
  return result.ok ? 'ok' : result.error
}

const entry = (value: bigint, port = 1n) => ({ keys: [exact(value)], action: 'set', parameters: [port] })

describe('table writes', () => {
  test('say what is wrong with a name, a key or a parameter', () => {
    const pipeline = pipelineWith()
    assert.deepEqual(error(pipeline.addEntry('nothing', entry(1n))), { kind: 'noSuchTable', table: 'nothing' })
    assert.deepEqual(error(pipeline.addEntry('exactly', { ...entry(1n), action: 'go' })), {
      kind: 'noSuchAction',
      action: 'go',
      allowed: ['ingress.set', 'ingress.drop'],
    })
    assert.deepEqual(error(pipeline.addEntry('exactly', { ...entry(1n), keys: [] })), {
      kind: 'badKey',
      key: 'hdr.ipv4.dst',
      message: 'ingress.exactly has 1 keys (hdr.ipv4.dst), not 0',
    })
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(1n << 32n))), {
      kind: 'badKey',
      key: 'hdr.ipv4.dst',
      message: '4294967296 does not fit into 32 bits',
    })
    assert.deepEqual(error(pipeline.addEntry('exactly', { ...entry(1n), keys: [ANY] })), {
      kind: 'badKey',
      key: 'hdr.ipv4.dst',
      message: 'an exact key needs a value',
    })
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(1n, 512n))), {
      kind: 'badParameter',
      parameter: 'port',
      message: '512 does not fit into 9 bits',
    })
    assert.deepEqual(error(pipeline.addEntry('exactly', { ...entry(1n), parameters: [] })), {
      kind: 'badParameter',
      parameter: 'port',
      message: 'ingress.set takes 1 parameters (port), not 0',
    })
    const long = { keys: [{ kind: 'lpm', value: 0n, length: 33 } as const], action: 'set', parameters: [1n] }
    assert.deepEqual(error(pipeline.addEntry('routes', long)), {
      kind: 'badKey',
      key: 'hdr.ipv4.dst',
      message: 'prefix length 33 is not between 0 and 32',
    })
    const empty = { keys: [ANY, { kind: 'range', low: 5n, high: 4n } as const, ANY], action: 'drop', parameters: [] }
    assert.deepEqual(error(pipeline.addEntry('acl', empty)), {
      kind: 'badKey',
      key: 'meta.port',
      message: 'the range 5..4 is empty',
    })
    const masked: KeySet = { kind: 'ternary', value: 1n, mask: 1n }
    assert.deepEqual(error(pipeline.addEntry('acl', { keys: [ANY, ANY, masked], action: 'drop', parameters: [] })), {
      kind: 'badKey',
      key: 'meta.vlan',
      message: 'optional takes no mask',
    })
    assert.deepEqual(pipeline.entries('exactly'), [])
  })

  test('ask for values that have nothing behind their prefix or outside their mask (P4Runtime §9.1.1)', () => {
    const pipeline = pipelineWith()
    const lpm = (value: bigint, length: number) => ({
      keys: [{ kind: 'lpm', value, length } as const],
      action: 'drop',
      parameters: [],
    })
    const stray = {
      kind: 'badKey',
      key: 'hdr.ipv4.dst',
      message: '0xa000005 has bits set behind /8: without them it is 0xa000000',
    }
    assert.deepEqual(error(pipeline.addEntry('routes', lpm(0x0a000005n, 8))), stray)
    assert.deepEqual(error(pipeline.addEntry('routes', lpm(0x0a000000n, 8))), 'ok')
    assert.deepEqual(error(pipeline.modifyEntry('routes', lpm(0x0a000005n, 8))), stray)
    assert.deepEqual(error(pipeline.deleteEntry('routes', lpm(0x0a000005n, 8))), stray)
    const masked: KeySet = { kind: 'ternary', value: 7n, mask: 6n }
    assert.deepEqual(error(pipeline.addEntry('acl', { keys: [masked, ANY, ANY], action: 'drop', parameters: [] })), {
      kind: 'badKey',
      key: 'hdr.ipv4.src',
      message: '0x7 has bits set outside the mask 0x6: without them it is 0x6',
    })
  })

  test('ask for a priority only where several entries may match, and for one that fits 32 bits', () => {
    const pipeline = pipelineWith()
    const refused = {
      kind: 'badKey',
      key: 'priority',
      message: 'entries of ingress.exactly, which has exact keys only, have no priority: 5',
    }
    assert.deepEqual(error(pipeline.addEntry('exactly', { ...entry(1n), priority: 5 })), refused)
    assert.deepEqual(error(pipeline.addEntry('exactly', { ...entry(1n), priority: 0 })), 'ok')
    assert.deepEqual(error(pipeline.modifyEntry('exactly', { ...entry(1n), priority: 5 })), refused)
    assert.deepEqual(error(pipeline.deleteEntry('exactly', { ...entry(1n), priority: 5 })), refused)
    assert.deepEqual(error(pipeline.deleteEntry('exactly', entry(1n))), 'ok')
    const rule = (priority: number) => ({ keys: [ANY, ANY, ANY], action: 'drop', parameters: [], priority })
    assert.deepEqual(error(pipeline.addEntry('acl', rule(2 ** 31))), {
      kind: 'badKey',
      key: 'priority',
      message: '2147483648 is not within ±2147483647',
    })
    assert.equal(
      (error(pipeline.addEntry('acl', rule(1.5))) as { message: string }).message,
      '1.5 is not a whole number',
    )
    assert.deepEqual(error(pipeline.addEntry('acl', rule(2 ** 31 - 1))), 'ok')
  })

  test('let entries of one priority overlap: the older one matches', () => {
    const pipeline = pipelineWith()
    const rule = (mask: bigint) => ({
      keys: [{ kind: 'ternary', value: 0n, mask } as const, ANY, ANY],
      action: 'drop',
      parameters: [],
      priority: 3,
    })
    assert.deepEqual(error(pipeline.addEntry('acl', rule(0xffn))), 'ok')
    assert.deepEqual(error(pipeline.addEntry('acl', rule(0xff00n))), 'ok')
    assert.deepEqual(error(pipeline.addEntry('acl', rule(0xffn))), { kind: 'exists' })
  })

  test('refuse duplicates, absentees, and more entries than the table has room for', () => {
    const pipeline = pipelineWith()
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(1n))), 'ok')
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(1n, 2n))), { kind: 'exists' })
    assert.deepEqual(error(pipeline.modifyEntry('exactly', entry(2n))), { kind: 'notFound' })
    assert.deepEqual(error(pipeline.deleteEntry('exactly', entry(2n))), { kind: 'notFound' })
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(2n))), 'ok')
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(3n))), { kind: 'full', size: 2 })
    assert.deepEqual(error(pipeline.modifyEntry('exactly', entry(1n, 9n))), 'ok')
    assert.deepEqual(
      pipeline.entries('exactly')!.map(({ keys, parameters }) => [keys, parameters]),
      [
        [[exact(1n)], [9n]],
        [[exact(2n)], [1n]],
      ],
    )
    assert.deepEqual(error(pipeline.deleteEntry('exactly', entry(1n))), 'ok')
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(3n))), 'ok')
    assert.deepEqual(error(pipeline.clearTable('exactly')), 'ok')
    assert.equal(pipeline.usage('exactly')!.entries, 0)
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(3n))), 'ok')
  })

  test('leave constant tables and constant defaults alone', () => {
    const pipeline = pipelineWith({
      areEntriesConst: true,
      isDefaultConst: true,
      entries: [{ keys: [exact(7n)], action: { action: 0, parameters: [3n] }, priority: 0 }],
    })
    const constant = { kind: 'constant', message: 'the entries of ingress.exactly are constant' }
    assert.deepEqual(error(pipeline.addEntry('exactly', entry(1n))), constant)
    assert.deepEqual(error(pipeline.modifyEntry('exactly', entry(7n))), constant)
    assert.deepEqual(error(pipeline.deleteEntry('exactly', entry(7n))), constant)
    assert.deepEqual(error(pipeline.clearTable('exactly')), constant)
    assert.deepEqual(error(pipeline.setDefault('exactly', 'drop', [])), {
      kind: 'constant',
      message: 'the default action of ingress.exactly is constant',
    })
    assert.deepEqual(
      pipeline.entries('exactly')!.map(({ parameters }) => parameters),
      [[3n]],
    )
    assert.deepEqual(error(pipeline.setDefault('always', 'set', [4n])), 'ok')
    assert.equal((error(pipeline.addEntry('always', { ...entry(1n), keys: [] })) as { kind: string }).kind, 'constant')
  })

  test('tell entries apart by priority, and find them without one', () => {
    const pipeline = pipelineWith()
    const keys: KeySet[] = [{ kind: 'ternary', value: 0x0a000000n, mask: 0xff000000n }, ANY, exact(5n)]
    const rule = { keys, action: 'drop', parameters: [] }
    assert.deepEqual(error(pipeline.addEntry('acl', { ...rule, priority: 1 })), 'ok')
    assert.deepEqual(error(pipeline.addEntry('acl', { ...rule, priority: 2 })), 'ok')
    assert.deepEqual(error(pipeline.addEntry('acl', { ...rule, priority: 2 })), { kind: 'exists' })
    assert.deepEqual(
      pipeline.entries('acl')!.map(({ priority }) => priority),
      [1, 2],
    )
    assert.deepEqual(pipeline.entries('acl')![0]!.keys, keys)
    assert.deepEqual(error(pipeline.deleteEntry('acl', { keys })), 'ok')
    assert.deepEqual(
      pipeline.entries('acl')!.map(({ priority }) => priority),
      [1],
    )
  })

  test('stay exact through a hundred thousand insertions and deletions', () => {
    const pipeline = pipelineWith()
    const route = (k: number) => ({
      keys: [{ kind: 'lpm', value: BigInt((k * 2654435761) % 2 ** 24) << 8n, length: 24 } as const],
      action: 'set',
      parameters: [BigInt(k % 512)],
    })
    for (let k = 0; k < 50_000; k++) assert.ok(pipeline.addEntry('routes', route(k)).ok)
    for (let k = 0; k < 50_000; k += 2) assert.ok(pipeline.deleteEntry('routes', route(k)).ok)
    assert.equal(pipeline.usage('routes')!.entries, 25_000)
    assert.deepEqual(pipeline.addEntry('routes', route(1)), { ok: false, error: { kind: 'exists' } })
    assert.deepEqual(pipeline.deleteEntry('routes', route(2)), { ok: false, error: { kind: 'notFound' } })
  })
})
