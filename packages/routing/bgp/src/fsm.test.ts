import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allocateConnection,
  type FsmAction,
  type FsmConfig,
  fsmDeadlineMs,
  type FsmEvent,
  type FsmState,
  fsmStateName,
  initialFsm,
} from './fsm-state.ts'
import { step } from './fsm.ts'
import type { Message } from './message.ts'
import { openFor } from './negotiation.ts'

const CONFIG: FsmConfig = {
  localAsn: 64512,
  localId: 5,
  remoteAsn: 65001,
  holdTimeS: 90,
  families: [4, 6],
  connectRetryMs: 5000,
  idleHoldMs: 1000,
  isPassive: false,
  jitter: () => 1,
}
const PEER_OPEN = openFor({ localAsn: 65001, localId: 9, remoteAsn: 64512, holdTimeS: 30, families: [4, 6] })

class Driver {
  readonly fsm: FsmState = initialFsm()
  readonly config: FsmConfig
  nowMs = 0

  constructor(config: Partial<FsmConfig> = {}) {
    this.config = { ...CONFIG, ...config }
  }

  do(event: FsmEvent): FsmAction[] {
    return step(this.fsm, this.config, event, this.nowMs)
  }

  /** Jumps to the next deadline. */
  timeout(): FsmAction[] {
    this.nowMs = fsmDeadlineMs(this.fsm)
    assert.ok(this.nowMs < Infinity, 'no timer is running')
    return this.do({ kind: 'tick' })
  }

  get state(): string {
    return fsmStateName(this.fsm)
  }

  connect(): number {
    const id = this.fsm.attempt!
    this.do({ kind: 'connected', id })
    return id
  }

  establish(): number {
    this.do({ kind: 'start' })
    const id = this.connect()
    this.do({ kind: 'open', id, open: PEER_OPEN })
    this.do({ kind: 'keepalive', id })
    assert.equal(this.state, 'Established')
    return id
  }
}

const sent = (actions: readonly FsmAction[]): Message[] =>
  actions.flatMap((action) => (action.kind === 'send' ? [action.message] : []))
const kinds = (actions: readonly FsmAction[]): string[] =>
  actions.map((action) => (action.kind === 'send' ? action.message.kind : action.kind))
const notification = (actions: readonly FsmAction[]): [number, number] | undefined => {
  const message = sent(actions).find((candidate) => candidate.kind === 'notification')
  return message?.kind === 'notification' ? [message.code, message.subcode] : undefined
}

test('Idle, Connect, OpenSent, OpenConfirm, Established', () => {
  const driver = new Driver()
  assert.equal(driver.state, 'Idle')
  assert.deepEqual(kinds(driver.do({ kind: 'start' })), ['connect', 'transition'])
  assert.equal(driver.state, 'Connect')
  const id = driver.fsm.attempt!
  assert.deepEqual(kinds(driver.do({ kind: 'connected', id })), ['open', 'transition'])
  assert.equal(driver.state, 'OpenSent')
  assert.deepEqual(kinds(driver.do({ kind: 'open', id, open: PEER_OPEN })), ['keepalive', 'transition'])
  assert.equal(driver.state, 'OpenConfirm')
  assert.deepEqual(kinds(driver.do({ kind: 'keepalive', id })), ['established', 'transition'])
  assert.equal(driver.state, 'Established')
})

test('the smaller hold time is used, and keepalives go out every third of it', () => {
  const driver = new Driver()
  const id = driver.establish()
  assert.equal(fsmDeadlineMs(driver.fsm), 10_000)
  assert.deepEqual(kinds(driver.timeout()), ['keepalive'])
  driver.do({ kind: 'update', id })
  const hold = driver.fsm.connections[0]!.holdAtMs
  assert.equal(hold, driver.nowMs + 30_000, 'an UPDATE restarts the hold timer')
})

test('hold time 0 means no timers at all', () => {
  const driver = new Driver({ holdTimeS: 0 })
  driver.establish()
  assert.equal(fsmDeadlineMs(driver.fsm), Infinity)
})

test('hold timer expiry sends 4/0, then the peer is tried again after the idle hold time', () => {
  const driver = new Driver({ keepaliveS: 100 })
  driver.establish()
  let actions: FsmAction[] = []
  for (let i = 0; i < 3; i++) actions = driver.timeout()
  assert.deepEqual(notification(actions), [4, 0])
  assert.ok(kinds(actions).includes('down'))
  assert.equal(driver.state, 'Idle')
  assert.deepEqual(kinds(driver.timeout()), ['connect', 'transition'])
})

test('an OPEN that never comes ends in 4/0 after four minutes', () => {
  const driver = new Driver()
  driver.do({ kind: 'start' })
  driver.connect()
  assert.deepEqual(notification(driver.timeout()), [4, 0])
  assert.equal(driver.nowMs, 240_000)
})

test('connecting is retried, and a stuck attempt is abandoned', () => {
  const driver = new Driver()
  driver.do({ kind: 'start' })
  const first = driver.fsm.attempt!
  assert.deepEqual(kinds(driver.timeout()), ['abandon', 'connect'])
  assert.deepEqual(driver.do({ kind: 'connected', id: first }), [{ kind: 'close', id: first, isAbrupt: true }])
  driver.do({ kind: 'connect-failed', id: driver.fsm.attempt!, reason: 'ECONNREFUSED' })
  assert.equal(driver.state, 'Active')
  assert.deepEqual(kinds(driver.timeout()), ['connect', 'transition'])
})

test('a failed attempt is made again when there are other addresses, and nothing that goes on is disturbed', () => {
  const driver = new Driver()
  assert.deepEqual(driver.do({ kind: 'addresses' }), [], 'it is not started')
  driver.do({ kind: 'start' })
  assert.deepEqual(driver.do({ kind: 'addresses' }), [], 'an attempt is under way')
  driver.do({ kind: 'connect-failed', id: driver.fsm.attempt!, reason: 'ENETUNREACH' })
  assert.deepEqual(kinds(driver.do({ kind: 'addresses' })), ['connect', 'transition'])
  driver.connect()
  assert.deepEqual(driver.do({ kind: 'addresses' }), [], 'there is a connection')
  driver.do({ kind: 'link', isUp: false })
  assert.deepEqual(driver.do({ kind: 'addresses' }), [], 'the link is down')
})

test('a message that the state does not allow is an FSM error with the state as subcode', () => {
  const inOpenSent = new Driver()
  inOpenSent.do({ kind: 'start' })
  assert.deepEqual(notification(inOpenSent.do({ kind: 'keepalive', id: inOpenSent.connect() })), [5, 1])

  const inOpenConfirm = new Driver()
  inOpenConfirm.do({ kind: 'start' })
  const id = inOpenConfirm.connect()
  inOpenConfirm.do({ kind: 'open', id, open: PEER_OPEN })
  assert.deepEqual(notification(inOpenConfirm.do({ kind: 'update', id })), [5, 2])

  const inEstablished = new Driver()
  const other = inEstablished.establish()
  assert.deepEqual(notification(inEstablished.do({ kind: 'open', id: other, open: PEER_OPEN })), [5, 3])
})

test('what the OPEN says is checked', () => {
  const answer = (open: Partial<typeof PEER_OPEN>, config: Partial<FsmConfig> = {}): [number, number] | undefined => {
    const driver = new Driver(config)
    driver.do({ kind: 'start' })
    return notification(driver.do({ kind: 'open', id: driver.connect(), open: { ...PEER_OPEN, ...open } }))
  }
  assert.deepEqual(answer({ myAs: 1, capabilities: [] }), [2, 2])
  assert.deepEqual(answer({ capabilities: [{ kind: 'four-octet-as', asn: 1 }] }), [2, 2])
  assert.deepEqual(answer({ bgpIdentifier: 0 }), [2, 3])
  assert.deepEqual(answer({ bgpIdentifier: 5 }, { localAsn: 65001 }), [2, 3])
  assert.equal(answer({ bgpIdentifier: 5 }), undefined, 'RFC 6286: unique within an AS only')
  assert.deepEqual(answer({ holdTimeS: 1 }), [2, 6])
  assert.deepEqual(answer({ holdTimeS: 2 }), [2, 6])
  assert.equal(answer({ holdTimeS: 0 }), undefined)
  assert.deepEqual(answer({ capabilities: [] }, { families: [6] }), [2, 7])
  assert.equal(answer({ capabilities: [] }), undefined, 'no capabilities means IPv4 unicast')
})

test('failures in a row are retried ever more slowly, a healthy session forgets them', () => {
  const driver = new Driver()
  driver.do({ kind: 'start' })
  const pauses: number[] = []
  for (let i = 0; i < 9; i++) {
    const id = driver.connect()
    driver.do({ kind: 'open', id, open: { ...PEER_OPEN, holdTimeS: 1 } })
    pauses.push(fsmDeadlineMs(driver.fsm) - driver.nowMs)
    driver.timeout()
  }
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000, 64_000])
})

test('Idle refuses connections; Active and Connect take them', () => {
  const driver = new Driver({ isPassive: true })
  assert.deepEqual(kinds(driver.do({ kind: 'accepted', id: allocateConnection(driver.fsm) })), ['close'])
  driver.do({ kind: 'start' })
  assert.equal(driver.state, 'Active')
  assert.deepEqual(kinds(driver.do({ kind: 'accepted', id: allocateConnection(driver.fsm) })), ['open', 'transition'])
  driver.do({ kind: 'closed', id: driver.fsm.connections[0]!.id, reason: 'ECONNRESET' })
  assert.equal(driver.state, 'Active')
})

test('stopping says 6/2, or the subcode asked for, on every connection', () => {
  const driver = new Driver()
  driver.establish()
  const actions = driver.do({ kind: 'stop', subcode: 3 })
  assert.deepEqual(notification(actions), [6, 3])
  assert.equal(driver.state, 'Idle')
  assert.equal(fsmDeadlineMs(driver.fsm), Infinity)
})

test('a link that goes down drops everything without a farewell, and connects at once when it is back', () => {
  const driver = new Driver()
  driver.establish()
  const actions = driver.do({ kind: 'link', isUp: false })
  assert.deepEqual(kinds(actions), ['down', 'close', 'transition'])
  assert.equal(fsmDeadlineMs(driver.fsm), Infinity)
  assert.deepEqual(kinds(driver.do({ kind: 'start' })), [])
  assert.deepEqual(kinds(driver.do({ kind: 'link', isUp: true })), ['connect', 'transition'])
})

test('a peer that opens connection after connection holds one unfinished one at most', () => {
  const driver = new Driver({ isPassive: true })
  driver.do({ kind: 'start' })
  for (let i = 0; i < 20; i++) driver.do({ kind: 'accepted', id: allocateConnection(driver.fsm) })
  assert.equal(driver.fsm.connections.length, 1)
})
