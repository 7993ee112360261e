/**
 * What a PostgreSQL server answers (PostgreSQL 17, section 53.7), as far as the embedded one does: messages of a type octet, a length
 * that counts itself, and a body. Values are text.
 *
 *     | type u8 | length u32 | body … |
 */

export interface Answer {
  /** Types of the parameters of a statement that was described, as object identifiers. */
  readonly parameterTypes: readonly number[]
  readonly columns: readonly { readonly name: string; readonly type: number }[]
  /** Where each row's message begins in `bytes`. */
  readonly rows: readonly number[]
  readonly bytes: Buffer
  /** `INSERT 0 5`, `SELECT 1`. */
  readonly tag: string | undefined
  readonly error: ServerError | undefined
}

/** What the database refuses. `code` is its SQLSTATE. */
export class ServerError extends Error {
  readonly code: string
  readonly detail: string | undefined
  readonly constraint: string | undefined

  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get('M') ?? 'the database did not say why')
    this.name = 'ServerError'
    this.code = fields.get('C') ?? 'XX000'
    this.detail = fields.get('D')
    this.constraint = fields.get('n')
  }
}

const HEADER_BYTES = 5
const DATA_ROW = 0x44 // D
const COMMAND_COMPLETE = 0x43 // C
const ROW_DESCRIPTION = 0x54 // T
const PARAMETER_DESCRIPTION = 0x74 // t
const ERROR_RESPONSE = 0x45 // E
/** Of a column in a row description, after its name: table, number, type, size, modifier, format. */
const COLUMN_BYTES = 18

/** @param answered whole messages; retained by the answer. */
export function readAnswer(answered: Uint8Array): Answer {
  const bytes = Buffer.from(answered.buffer, answered.byteOffset, answered.byteLength)
  const rows: number[] = []
  let columns: Answer['columns'] = []
  let parameterTypes: Answer['parameterTypes'] = []
  let tag: string | undefined
  let error: ServerError | undefined
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    const type = bytes[at]
    const body = at + HEADER_BYTES
    if (type === DATA_ROW) rows.push(body)
    else if (type === COMMAND_COMPLETE) tag = textAt(bytes, body)
    else if (type === ROW_DESCRIPTION) columns = columnsAt(bytes, body)
    else if (type === PARAMETER_DESCRIPTION) parameterTypes = typesAt(bytes, body)
    else if (type === ERROR_RESPONSE) error ??= errorAt(bytes, body)
  }
  return { parameterTypes, columns, rows, bytes, tag, error }
}

/** The row at `at`: each value is what the function of its column makes of its text, and null stays null. */
export function readRow(
  bytes: Buffer,
  at: number,
  names: readonly string[],
  parsers: readonly ((text: string) => unknown)[],
): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  let here = at + 2
  for (let i = 0; i < names.length; i++) {
    const length = bytes.readInt32BE(here)
    here += 4
    if (length < 0) row[names[i]!] = null
    else {
      row[names[i]!] = parsers[i]!(bytes.toString('utf8', here, here + length))
      here += length
    }
  }
  return row
}

function columnsAt(bytes: Buffer, at: number): { name: string; type: number }[] {
  const columns = []
  let here = at + 2
  for (let left = bytes.readUInt16BE(at); left > 0; left--) {
    const name = textAt(bytes, here)
    here += Buffer.byteLength(name) + 1
    columns.push({ name, type: bytes.readUInt32BE(here + 6) })
    here += COLUMN_BYTES
  }
  return columns
}

function typesAt(bytes: Buffer, at: number): number[] {
  return Array.from({ length: bytes.readUInt16BE(at) }, (_, i) => bytes.readUInt32BE(at + 2 + 4 * i))
}

/** Fields of a letter and a text each, and a zero. */
function errorAt(bytes: Buffer, at: number): ServerError {
  const fields = new Map<string, string>()
  for (let here = at; bytes[here] !== 0;) {
    const text = textAt(bytes, here + 1)
    fields.set(String.fromCharCode(bytes[here]!), text)
    here += Buffer.byteLength(text) + 2
  }
  return new ServerError(fields)
}

/** The text from here to the zero that ends it. */
function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at, bytes.indexOf(0, at))
}
