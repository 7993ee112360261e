import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TcpFlag } from '@lodestone/packet'
import { nextTcpState, TCP_NEW_FLOW, TCP_UNEXPECTED, TcpState } from './tcp-state.ts'

const { closed, listen, synSent, synRcvd, established, closeWait, lastAck, finWait1, finWait2, timeWait } = TcpState
const none = TCP_UNEXPECTED
const fresh = TCP_NEW_FLOW

// Columns: SYN, SYN+ACK, ACK, FIN, FIN+ACK, and ACK and FIN+ACK that acknowledge the guest's FIN.
const { syn, ack, fin, rst, psh } = TcpFlag
const columns: [number, boolean][] = [
  [syn, false],
  [syn | ack, false],
  [ack, false],
  [fin, false],
  [fin | ack, false],
  [ack, true],
  [fin | ack, true],
]

const inbound: [string, number, number[]][] = [
  ['Closed', closed, [listen, none, established, none, established, established, established]],
  ['Listen', listen, [listen, none, none, none, none, none, none]],
  ['SynSent', synSent, [fresh, established, none, none, none, none, none]],
  ['SynRcvd', synRcvd, [synRcvd, none, established, none, established, established, established]],
  ['Established', established, [fresh, none, established, closeWait, closeWait, established, closeWait]],
  ['CloseWait', closeWait, [fresh, none, closeWait, closeWait, closeWait, closeWait, closeWait]],
  ['LastAck', lastAck, [fresh, none, lastAck, lastAck, lastAck, closed, closed]],
  ['FinWait1', finWait1, [fresh, none, finWait1, none, timeWait, finWait2, timeWait]],
  ['FinWait2', finWait2, [fresh, none, finWait2, none, finWait2, finWait2, timeWait]],
  ['TimeWait', timeWait, [fresh, none, timeWait, timeWait, timeWait, timeWait, timeWait]],
]

const outbound: [string, number, number[]][] = [
  ['Closed', closed, [synSent, none, established, none, established, established, established]],
  ['Listen', listen, [fresh, synRcvd, none, none, none, none, none]],
  ['SynSent', synSent, [synSent, none, none, none, none, none, none]],
  ['SynRcvd', synRcvd, [fresh, synRcvd, none, none, none, none, none]],
  ['Established', established, [fresh, none, established, finWait1, finWait1, established, finWait1]],
  ['CloseWait', closeWait, [fresh, none, closeWait, lastAck, lastAck, closeWait, lastAck]],
  ['LastAck', lastAck, [fresh, none, lastAck, lastAck, lastAck, lastAck, lastAck]],
  ['FinWait1', finWait1, [fresh, none, finWait1, finWait1, finWait1, finWait1, finWait1]],
  ['FinWait2', finWait2, [fresh, none, finWait2, none, finWait2, finWait2, finWait2]],
  ['TimeWait', timeWait, [fresh, none, timeWait, none, timeWait, timeWait, timeWait]],
]

for (const [isOut, table] of [
  [false, inbound],
  [true, outbound],
] as const) {
  for (const [name, state, expected] of table) {
    test(`${name}: ${isOut ? 'outbound' : 'inbound'} segments lead where the table says, with PSH or without`, () => {
      const actual = columns.map(([flags, ackOfFin]) => nextTcpState(state, isOut, flags, ackOfFin))
      assert.deepEqual(actual, expected)
      assert.deepEqual(
        columns.map(([flags, ackOfFin]) => nextTcpState(state, isOut, flags | psh, ackOfFin)),
        expected,
      )
    })
  }
}

test('RST closes from every state in both directions', () => {
  for (let state = 0; state < 10; state++) {
    for (const flags of [rst, rst | ack]) {
      assert.equal(nextTcpState(state, false, flags, false), closed)
      assert.equal(nextTcpState(state, true, flags, false), closed)
    }
  }
})
