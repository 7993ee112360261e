export {
  Arena,
  type ArenaOptions,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_PACKET,
  DESCRIPTOR_START,
  DESCRIPTOR_TAINT,
  DESCRIPTOR_WORDS,
} from './arena.ts'
