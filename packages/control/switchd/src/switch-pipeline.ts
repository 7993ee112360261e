/** What the switch node and its tables need of a compiled program: frames through it, entries in it, why it dropped. */
import type { Pipeline } from '@lodestone/npu'

export type SwitchPipeline = Pick<
  Pipeline,
  | 'tables'
  | 'process'
  | 'addEntry'
  | 'modifyEntry'
  | 'deleteEntry'
  | 'setDefault'
  | 'clearTable'
  | 'entries'
  | 'usage'
  | 'drops'
>
