import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { packetProbes } from '../packet-probes.ts'
import type { ProbeEvent, ProbeSource } from '../probe-event.ts'
import { Tracer } from '../tracer.ts'
import { startProbe } from './probe-run.ts'
import { renderProbeOutput, renderProgramProblem } from './render-output.ts'

/** A source that the test fires, a clock that it moves, and what the program said. */
function bench(text: string) {
  let nowMs = 0
  const ticks: { readonly everyMs: number; readonly fn: () => void }[] = []
  const listeners = new Set<(event: ProbeEvent) => void>()
  const said: string[] = []
  const ended: true[] = []
  const source: ProbeSource = {
    points: [
      { provider: 'link', unit: 'cable', name: 'deliver', sentence: '', fields: { bytes: '', src: '', 'key.*': '' } },
      { provider: 'link', unit: 'cable', name: 'drop', sentence: '', fields: { reason: '' } },
      { provider: 'bgp', unit: 'peer', name: 'up', sentence: '', fields: { asn: '' } },
    ],
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const started = startProbe(text, {
    sources: [source],
    output: (each) => said.push(renderProbeOutput(each)),
    onEnd: () => ended.push(true),
    nowMs: () => nowMs,
    every(everyMs, fn) {
      ticks.push({ everyMs, fn })
      return () => void ticks.splice(0)
    },
  })
  return {
    started,
    said,
    ended,
    ticks,
    listeners,
    run: started.ok
      ? started.run
      : assert.fail(started.problems.map((each) => renderProgramProblem(text, each)).join()),
    fire(probe: string, fields: ProbeEvent['fields'] = {}, atMs = nowMs): void {
      nowMs = atMs
      const [provider, node, unit, name] = probe.split(':') as [string, string, string, string]
      for (const listener of [...listeners]) listener({ provider, node, unit, name, atMs, fields, packet: 7 })
    },
  }
}

function problemsOf(text: string): string {
  const source: ProbeSource = {
    points: [{ provider: 'link', unit: '', name: 'drop', sentence: '', fields: { reason: '' } }],
    subscribe: () => assert.fail('a wrong program watches nothing'),
  }
  const started = startProbe(text, { sources: [source], output: () => {}, every: () => () => {}, nowMs: () => 0 })
  return started.ok ? '' : started.problems.map((each) => renderProgramProblem(text, each)).join('\n')
}

describe('a probe program', () => {
  test('counts by keys, and prints at its end what it has not printed', () => {
    const { fire, run, said, listeners } = bench('link:deliver { @[node, unit] = count() }')
    fire('link:a:c1:deliver')
    fire('link:a:c1:deliver')
    fire('link:b:c2:deliver')
    fire('link:b:c2:drop')
    assert.deepEqual(said, [])
    run.stop()
    assert.equal(run.events, 3)
    assert.deepEqual(said, ['b  c2             1\na  c1             2'])
    assert.equal(listeners.size, 0, 'it has let go of its sources')
  })

  test('subscribes to nothing but the sources of its probes, and while it runs only', () => {
    const tracer = new Tracer(() => 0)
    const options = { sources: [packetProbes(tracer)], output: () => {}, every: () => () => {}, nowMs: () => 0 }
    const timed = startProbe('tick-1s { print(1) }', options)
    assert.ok(timed.ok)
    assert.equal(tracer.isOn, false)
    const watching = startProbe('stack:send { @ = count() }', options)
    assert.ok(watching.ok)
    assert.equal(tracer.isOn, true)
    watching.run.stop()
    assert.equal(tracer.isOn, false)
  })

  test('a parser that met what it cannot read is told with the error', () => {
    const tracer = new Tracer(() => 0)
    const said: string[] = []
    const started = startProbe('parser:sw0:*:error { @[error] = count() }', {
      sources: [packetProbes(tracer)],
      output: (each) => said.push(renderProbeOutput(each)),
      every: () => () => {},
      nowMs: () => 0,
    })
    assert.ok(started.ok)
    tracer.emit('sw0', 1, { kind: 'parser', states: ['start'], error: 'PacketTooShort' })
    tracer.emit('sw0', 2, { kind: 'parser', states: ['start'] })
    started.run.stop()
    assert.deepEqual(
      said.map((line) => line.trim()),
      ['PacketTooShort             1'],
    )
  })

  test('matches globs in every part of the tuple', () => {
    const { fire, run, said } = bench('l*:sw?:c*:d* { @ = count() }')
    for (const probe of [
      'link:sw0:c1:drop',
      'link:sw1:cab:deliver',
      'link:sw10:c1:drop',
      'bgp:sw0:c1:up',
      'link:sw0:d:drop',
    ]) {
      fire(probe)
    }
    run.stop()
    assert.deepEqual(said, ['           2'])
  })

  test('compares numbers, texts, prefixes and expressions', () => {
    const events = { bytes: 100, src: '10.0.3.4', 'key.dst': '0x10' }
    const holds = (predicate: string): boolean => {
      const { fire, run, said } = bench(`link:deliver / ${predicate} / { print("yes") }`)
      fire('link:a:c:deliver', events)
      run.stop()
      return said.length === 1
    }
    for (const predicate of [
      'bytes == 100',
      'bytes >= 100 && bytes < 101',
      'bytes > 99 || bytes == 1',
      'src in 10.0.0.0/8',
      '!(src in 10.1.0.0/16)',
      'src =~ "^10\\\\.0"',
      'key.dst == "0x10"',
      'key.dst == 16',
      '(bytes / 3) > 33',
      'bytes % 7 == 2',
      '-bytes == 0 - 100',
      'packet == 7 && node == "a" && unit == "c" && probe == "deliver"',
    ]) {
      assert.equal(holds(predicate), true, predicate)
    }
    for (const predicate of ['bytes == 99', 'src in fd00::/8', 'key.absent == 1', 'key.absent != 1', 'src > 5']) {
      assert.equal(holds(predicate), false, predicate)
    }
  })

  test('measures between two probes by a variable with a key', () => {
    const { fire, run, said } = bench(
      'link:deliver { since[packet] = timestamp } link:drop / since[packet] / { @ms = avg((timestamp - since[packet]) / 1000000); since[packet] = 0 }',
    )
    fire('link:a:c:drop', {}, 1)
    fire('link:a:c:deliver', {}, 2)
    fire('link:a:c:drop', {}, 5.5)
    fire('link:a:c:drop', {}, 9)
    run.stop()
    assert.deepEqual(said, ['@ms\n       3.500'])
  })

  test('ticks print and clear, and exit() ends it once', () => {
    const { fire, run, said, ticks, ended } = bench(
      'BEGIN { n = 10 } link:deliver { @ = sum(bytes); n = n + 1 } tick-2s { printa(@); clear(@) } bgp:up { exit() } END { print("end", n) }',
    )
    fire('link:a:c:deliver', { bytes: 40 })
    fire('link:a:c:deliver', { bytes: 2 })
    assert.deepEqual(
      ticks.map(({ everyMs }) => everyMs),
      [2000],
    )
    ticks[0]!.fn()
    fire('bgp:a:peer:up')
    fire('link:a:c:deliver', { bytes: 1 })
    run.stop()
    assert.deepEqual(said, ['          42', 'end  12'])
    assert.equal(ended.length, 1)
  })

  test('aggregates', () => {
    const { fire, run, said } = bench(
      'link:deliver { @min = min(bytes); @max = max(bytes); @avg = avg(bytes); @dev = stddev(bytes); @q = quantize(bytes); @l = lquantize(bytes, 0, 20, 5); @t = topk(bytes, 2) }',
    )
    for (const bytes of [2, 4, 4, 4, 5, 5, 7, 9]) fire('link:a:c:deliver', { bytes })
    run.stop()
    const value = (name: string): string =>
      said
        .find((each) => each.startsWith(`@${name}\n`))!
        .split('\n')[1]!
        .trim()
    assert.deepEqual(['min', 'max', 'avg', 'dev'].map(value), ['2', '9', '5', '2'])
    const counts = (name: string): string[] =>
      said
        .find((each) => each.startsWith(`@${name}\n`))!
        .split('\n')
        .slice(2)
        .map((line) => line.replace(/\|.*\|/, '').trim())
    assert.deepEqual(counts('q'), ['2  1', '4  6', '8  1'])
    assert.deepEqual(counts('l'), ['0  4', '5  4'])
    assert.match(
      said.find((each) => each.startsWith('@t'))!,
      /3 {2}4\n +2 {2}5$/,
    )
  })

  test('formats as printf does', () => {
    const { fire, said } = bench(
      String.raw`link:deliver { printf("%-6s|%5d|%.2f|%x|%s%%\n", node, bytes, bytes, bytes, key.no) }`,
    )
    fire('link:ab:c:deliver', { bytes: 255 })
    assert.deepEqual(said, ['ab    |  255|255.00|ff|-%'])
  })

  test('keeps a bounded number of rows and says how many events had none', () => {
    const { fire, run, said } = bench('link:deliver { @[bytes] = count() }')
    for (let bytes = 0; bytes < 5000; bytes++) fire('link:a:c:deliver', { bytes })
    run.stop()
    assert.match(said[0]!, /904 events had no room for a row of their own$/)
  })
})

describe('a mistake is told with its place and what would be right', () => {
  for (const [text, message] of [
    ['', /the program is empty/],
    ['lnk:drop { }', /\^{8}\nno provider matches lnk; there are link/],
    ['link:dorp { }', /link has no probe dorp; there are drop/],
    ['link:drop / size > 3 / { }', /no probe of this clause has a field size; there are .*reason/],
    ['link:drop { @ = median(reason) }', /no aggregation is called "median"; there are count, sum/],
    ['link:drop { @ = sum() }', /the form is sum\(value\)/],
    ['link:drop { @ = count() ', /expected ; or }/],
    ['link:drop { launch() }', /nothing is called launch\(\)/],
    ['link:drop / reason in 10.0.0.0/40 / { }', /10\.0\.0\.0\/40 is no prefix/],
    ['link:drop / reason =~ "(" / { }', /a regular expression in quotes/],
    ['link:drop { @a = count() } link:drop { @a = max(packet) }', /@a is count\(\) elsewhere/],
    ['link:drop { print(x[node]) }', /nothing is ever assigned to x\[…\]/],
    ['tick-1h { }', /a tick is tick-500ms/],
    ['drop { }', /provider:name/],
  ] as const) {
    test(text === '' ? 'an empty program' : text, () => assert.match(problemsOf(text), message))
  }
})
