export { Ip } from './ip.ts'
export { Prefix } from './prefix.ts'
export { Mac } from './mac.ts'
