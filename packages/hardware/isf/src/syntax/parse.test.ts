import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineMap, renderDiagnostics } from '../index.ts'
import { parse } from './parse.ts'
import { formatSpecification } from './print.ts'

function problems(text: string): string[] {
  const lines = new LineMap(text)
  return parse(text).diagnostics.map(({ code, span }) => {
    const { line, column } = lines.position(span.start)
    return `${code} ${line}:${column}`
  })
}

test('names and numbers have spans, and numbers keep their spelling', () => {
  const text = 'instruction_width = 0x20;\n\n/// R.\nclass Reg { width: 04 }\n'
  const { file, diagnostics } = parse(text)
  assert.deepEqual(diagnostics, [])
  const [characteristic] = file.characteristics
  assert.deepEqual([characteristic?.value.value, characteristic?.value.text], [32n, '0x20'])
  const span = file.classes[0]?.name.span
  assert.equal(text.slice(span?.start, span?.end), 'Reg')
  assert.equal(file.classes[0]?.width.text, '04')
})

test('what stands after a mistake is still read', () => {
  const text = `instruction_width = 32;
/// One.
instruction One {
  fields:
    /// A.
    a 5,
    /// B.
    b: 6,
  machine:
    opcode: = 3,
    b,
}
%%%
/// Two.
instruction Two {
  machine:
    op: 32 = 2
}
`
  const { file } = parse(text)
  assert.deepEqual(problems(text), ['ISF2001 6:7', 'ISF2001 10:13', 'ISF2001 13:1'])
  assert.deepEqual(
    file.instructions.map(({ name }) => name.text),
    ['One', 'Two'],
  )
  assert.deepEqual(
    file.instructions[0]?.fields?.fields.map((field) => field.name.text),
    ['b'],
  )
  assert.deepEqual(
    file.instructions[0]?.machine?.elements.map((element) => element.name.text),
    ['b'],
  )
})

test('missing documentation, sections out of order and declarations out of order are reported where they are', () => {
  const text = `instruction_width = 8;
instruction A {
  machine:
    a: 8 = 1
  timing: 1 cycle
}
/// R.
class R { width: 2 }
`
  assert.deepEqual(problems(text), ['ISF2004 2:13', 'ISF2005 5:3', 'ISF2003 8:1'])
})

test('strings end with their line, numbers with their 64 bits', () => {
  const text = "instruction_width = 99999999999999999999999;\n/// A.\ninstruction A {\n  assembly:\n    'add x;\n}\n"
  assert.deepEqual(problems(text).slice(0, 2), ['ISF1002 1:21', 'ISF1001 5:5'])
})

test('a diagnostic is shown with its line and carets', () => {
  const text = 'instruction_width = x;\n'
  assert.equal(
    renderDiagnostics(parse(text).diagnostics, 'a.isf', text),
    "a.isf:1:21: error ISF2001: expected a number, found 'x'\n 1 | instruction_width = x;\n   |                     ^",
  )
})

test('formatting brings the layout in order and keeps every comment where it belongs', () => {
  const text = `// top

instruction_width=32; // wide
/// R.
class R{width:4}
// between
/// Add.
// after the documentation
instruction Add:Base<'add',0x2>{ // open
timing:2 cycle // slow
fields:
/// A.
a:R, // the a
// before b
/// B.
b:1
assembly: // the text
'add'['.x' = b]   'r'a;
examples: /// One.
add.x r1; // here
machine: // bits
op:7=$op,b!,a,// last
_ : 20
// end
}
// done
`
  assert.equal(
    formatSpecification(text).text,
    `// top

instruction_width = 32; // wide

/// R.
class R {
  width: 4
}

// between
// after the documentation
/// Add.
instruction Add: Base<'add', 0x2> { // open
  timing: 2 cycle // slow
  fields:
    /// A.
    a: R, // the a
    // before b
    /// B.
    b: 1,

  assembly: // the text
    'add'['.x' = b] 'r'a;
    examples:
      /// One.
      add.x r1; // here

  machine: // bits
    op: 7 = $op,
    b!,
    a, // last
    _: 20,
// end
}

// done
`,
  )
})

test('a file with syntax errors is not formatted', () => {
  assert.equal(formatSpecification('instruction_width 32;').text, undefined)
})
