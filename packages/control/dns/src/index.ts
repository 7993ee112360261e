export type { DnsCounters } from './counters.ts'
export { DnsServer, type DnsServerOptions } from './dns-server.ts'
export { findService, type ServiceLookupOptions, type ServicePlace } from './service-lookup.ts'
export { type LookupOptions, type LookupResult, lookup } from './lookup.ts'
