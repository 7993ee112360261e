export type { Expression, SlotId } from './expression.ts'
export type {
  Block,
  Extern,
  HeaderInstance,
  Parser,
  ParserState,
  Procedure,
  Program,
  SelectCase,
  Slot,
  StateTarget,
  ValueSet,
} from './program.ts'
export type { ExternId, HashAlgorithm, HeaderId, ProcedureId, SourceRef, Statement, TableId } from './statement.ts'
export type { Action, ActionRef, BoundAction, KeySet, MatchKind, Table, TableEntry, TableKey } from './table.ts'
