/** Specifications for tests: files in memory, and diagnostics in short. */
import { compile, type CompileOptions } from './compile.ts'
import type { Specification } from './specification/model.ts'

/** `code line:column` of every diagnostic of `main.rsf`, other files named. */
export function problemsOf(
  files: string | Readonly<Record<string, string>>,
  options?: CompileOptions,
): readonly string[] {
  const { diagnostics } = compile('main.rsf', readerOf(files), options)
  return diagnostics.map(({ code, range }) => {
    const file = range.file === 'main.rsf' ? '' : `${range.file}:`
    return `${code} ${file}${range.line}:${range.column}`
  })
}

/** The specification of files that have no errors. */
export function specificationOf(files: string | Readonly<Record<string, string>>): Specification {
  const { specification, diagnostics } = compile('main.rsf', readerOf(files))
  if (specification === undefined) throw new Error(diagnostics.map(({ message }) => message).join('\n'))
  return specification
}

function readerOf(files: string | Readonly<Record<string, string>>): (path: string) => string | undefined {
  const all = typeof files === 'string' ? { 'main.rsf': files } : files
  return (path) => (Object.hasOwn(all, path) ? all[path] : undefined)
}

/** A card with two ports, in the manner of a data sheet; uses two modules, both with a `channel` below. */
export const CARD: Readonly<Record<string, string>> = {
  'main.rsf': `use optics;
use clock;

/// Top of the card.
block Main {
    /// The ports.
    ports: Port[4; 0x1000] @ 0x6000,
    /// Clocks.
    clock: clock::Clock @ 0x100,
}

/// One port.
block Port {
    /// What to do.
    config: Config @ 0x200,
    /// What is.
    status: Status @ 0x400,
}

/// What a port does.
register<32> Config reset<0x100> {
    /// Rate.
    rate: rw optics::Rate @ 0,
    /// Count.
    count: rw b8 @ 8,
}

/// What a port sees.
register<32> Status {
    /// Light.
    light: ro bool @ 0,
}
`,
  'optics.rsf': `use optics::channel;

/// Data rate.
enum<2> Rate {
    /// Slow.
    Slow = 0b00,
    /// Fast.
    Fast = 0b01,
}

/// Uses its own channel.
register<8> Lane {
    /// Mode.
    mode: rw channel::Mode @ 0,
}
`,
  'optics/channel.rsf': `/// Of the optics.
enum<1> Mode {
    /// No.
    Off = 0,
    /// Yes.
    On = 1,
}
`,
  'clock.rsf': `use clock::channel;

/// The clocks.
block Clock {
    /// Source.
    source: Source @ 0x0,
}

/// Source of the clock.
register<8> Source {
    /// Mode.
    mode: rw channel::Mode @ 0,
}
`,
  'clock/channel.rsf': `/// Of the clock.
enum<2> Mode {
    /// Free running.
    Free = 0,
    /// Locked.
    Locked = 3,
}
`,
}
