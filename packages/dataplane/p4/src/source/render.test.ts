import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiagnosticSink } from './diagnostic.ts'
import { spanning } from './range.ts'
import { renderDiagnostics } from './render.ts'

const range = (line: number, column: number, endColumn: number, file = 'a.p4') => ({
  file,
  line,
  column,
  endLine: line,
  endColumn,
})

test('shows position, message, carets, notes and fix', () => {
  const sink = new DiagnosticSink()
  sink.error('P4C4010', range(2, 3, 6), 'expected bool', {
    notes: [{ message: 'declared here', range: range(1, 1, 4) }, { message: 'without a place' }],
    fix: { title: "insert ';'", range: range(2, 6, 6), text: ';' },
  })
  assert.equal(
    renderDiagnostics(sink.diagnostics, () => 'one\n\t abc\n'),
    [
      'a.p4:2:3: error P4C4010: expected bool',
      ' 2 | \t abc',
      '   | \t ^^^',
      '  a.p4:1:1: note: declared here',
      ' 1 | one',
      '   | ^^^',
      '  note: without a place',
      "  fix: insert ';'",
      ' 2 | \t abc;',
    ].join('\n'),
  )
})

test('shows control characters of the source as nothing that a terminal obeys', () => {
  const sink = new DiagnosticSink()
  sink.error('P4C1003', range(1, 2, 3), 'odd')
  const text = renderDiagnostics(sink.diagnostics, () => 'a\u001b[2J\tb')
  assert.equal(text.split('\n')[1], ' 1 | a\ufffd[2J\tb')
})

test('renders places it has no text for', () => {
  const sink = new DiagnosticSink()
  sink.warning('P4C4011', range(99, 1, 2, 'gone.p4'), 'odd')
  assert.equal(
    renderDiagnostics(sink.diagnostics, () => undefined),
    'gone.p4:99:1: warning P4C4011: odd',
  )
  assert.equal(
    renderDiagnostics(sink.diagnostics, () => 'short'),
    'gone.p4:99:1: warning P4C4011: odd',
  )
})

test('drops repetitions, caps the list, and still counts', () => {
  const sink = new DiagnosticSink()
  sink.error('P4C1', range(1, 1, 2), 'same')
  sink.error('P4C1', range(1, 1, 2), 'same')
  assert.equal(sink.errorCount, 1)
  for (let line = 0; line < 500; line++) sink.error('P4C1', range(line, 5, 6), 'many')
  assert.equal(sink.errorCount, 501)
  assert.ok(sink.diagnostics.length <= 200)
})

test('spans within a file and never across files', () => {
  assert.equal(spanning(range(1, 1, 2), range(1, 5, 9)).endColumn, 9)
  assert.equal(spanning(range(1, 1, 2), range(1, 5, 9, 'b.p4')).endColumn, 2)
})
