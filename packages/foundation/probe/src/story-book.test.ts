import assert from 'node:assert/strict'
import test from 'node:test'
import type { Step } from './step.ts'
import { type Story, StoryBook } from './story-book.ts'
import { Tracer } from './tracer.ts'
import { decisions, verdict } from './verdict.ts'

const sent: Step = { kind: 'sent', interface: 'eth0', summary: 'IPv4 a > b TCP SYN' }
const delivered: Step = { kind: 'delivered', to: 'web1', summary: 'IPv4 a > c TCP SYN' }
const dropped: Step = { kind: 'dropped', reason: { code: 'X_Y', sentence: 'So it is.', hint: 'Do this.' } }

function book(options: { capacity?: number; eventsPerStory?: number } = {}) {
  const stories: Story[] = []
  return { stories, book: new StoryBook({ ...options, onStory: (story) => stories.push(story) }) }
}

test('a story ends when its packet is delivered or dropped', () => {
  const { stories, book: it } = book()
  it.add({ packet: 1, atMs: 0, node: 'a', step: sent })
  it.add({ packet: 2, atMs: 0, node: 'a', step: sent })
  assert.equal(stories.length, 0)
  it.add({ packet: 2, atMs: 1, node: 'b', step: delivered })
  assert.deepEqual(
    stories.map((story) => [story.packet, story.events.length]),
    [[2, 2]],
  )
})

test('a packet that nobody hears of again ends by silence', () => {
  const { stories, book: it } = book()
  it.add({ packet: 1, atMs: 0, node: 'a', step: sent })
  it.sweep(99, 100)
  assert.equal(stories.length, 0)
  it.sweep(100, 100)
  assert.equal(stories.length, 1)
})

test('memory is bounded in stories and in events per story', () => {
  const { stories, book: it } = book({ capacity: 2, eventsPerStory: 3 })
  for (let packet = 1; packet <= 3; packet++) {
    for (let i = 0; i < 5; i++) it.add({ packet, atMs: i, node: 'a', step: sent })
  }
  assert.deepEqual(
    stories.map((story) => [story.packet, story.events.length]),
    [[1, 3]],
  )
})

test('a tracer is on exactly while someone listens', () => {
  const tracer = new Tracer(() => 5)
  const heard: number[] = []
  assert.equal(tracer.isOn, false)
  const stop = tracer.listen((event) => heard.push(event.atMs))
  assert.equal(tracer.isOn, true)
  tracer.emit('a', 1, sent)
  stop()
  assert.equal(tracer.isOn, false)
  assert.deepEqual(heard, [5])
})

test('a verdict names the outcome, the cause and the fix, in that order', () => {
  const at = (step: Step, node: string) => ({ packet: 1, atMs: 0, node, step })
  assert.deepEqual(verdict([at(sent, 'a'), at(delivered, 'web1')]), {
    outcome: 'delivered',
    lines: ['DELIVERED IPv4 a > b TCP SYN to web1 on web1'],
  })
  assert.deepEqual(verdict([at(sent, 'a'), at(dropped, 'sled0')]), {
    outcome: 'dropped',
    lines: ['DROPPED   IPv4 a > b TCP SYN at sled0', 'because   So it is. [X_Y]', 'fix       Do this.'],
  })
  assert.equal(verdict([at(sent, 'a')]).outcome, 'unfinished')
})

test('decisions are told by place: rules and defaults of layers, and entries that were hit', () => {
  const at = (step: Step, node: string) => ({ packet: 1, atMs: 0, node, step })
  const layer = {
    kind: 'layer',
    layer: 'firewall',
    direction: 'in',
    verdict: 'deny',
    source: 'default',
    detail: '',
  } as const
  const table = { kind: 'table', table: 'ingress.router.lookup_v6', keys: [], parameters: [], action: 'index' } as const
  assert.deepEqual(
    decisions([
      at(sent, 'a'),
      at({ ...table, hit: false }, 'switch0'),
      at({ ...table, hit: true, entry: 'fd00::/64 → index(1)' }, 'switch0'),
      at({ ...layer, verdict: 'allow', rule: 'encap', source: 'rule' }, 'sled0'),
      at(layer, 'sled0'),
    ]),
    ['through   switch0: lookup_v6 fd00::/64', 'through   sled0: firewall in allow encap · firewall in deny default'],
  )
})
