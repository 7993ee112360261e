/** Register specifications (RSF): parse, check, print; generated clients and simulations; maps, documents, comparison. */
export { compile, type CompileOptions, type CompileResult } from './compile.ts'
export { compareSpecifications, renderChanges, type Change } from './diff.ts'
export { renderDocs, type DocsFormat } from './docs/render-docs.ts'
export { formatSource, type FormatResult } from './format.ts'
export { generateClient, type GenerateOptions } from './generate/generate-client.ts'
export {
  addressMap,
  addressMapJson,
  lookupAddress,
  lookupPath,
  renderAddressMap,
  type AddressMapJson,
  type LookupResult,
  type PlacedRegister,
  type RegisterJson,
} from './map/address-map.ts'
export { bits, indexIn, outOfRange, undeclared, type Bits, type BitsInput } from './runtime/bits.ts'
export {
  ObservedPlatform,
  type AsyncMemories,
  type AsyncPlatform,
  type RegisterAccess,
  type SyncMemories,
  type SyncPlatform,
  type WideAsyncPlatform,
  type WideSyncPlatform,
} from './runtime/platform.ts'
export { RegisterFile, type FileRegister } from './runtime/register-file.ts'
export {
  SimulatedRegister,
  type BusWrite,
  type RegisterShape,
  type RegisterState,
} from './runtime/simulated-register.ts'
export type { Diagnostic, DiagnosticNote, Severity } from './source/diagnostic.ts'
export type { Range } from './source/range.ts'
export { renderDiagnostics, type ReadFile } from './source/render.ts'
export { gapsOf, qualifiedName, sizeOf } from './specification/model.ts'
export type {
  AttributeValue,
  BlockElement,
  BlockType,
  EnumAlternative,
  EnumType,
  FieldAccess,
  FieldMode,
  FieldType,
  RegisterField,
  RegisterType,
  Specification,
} from './specification/model.ts'
