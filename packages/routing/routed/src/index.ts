export { type BgpConfig, type DdmConfig, EMPTY_CONFIG, problemsOf, type RoutedConfig } from './config.ts'
export { configFromApi } from './config-from-api.ts'
export { type ApplyResult, Routed, type RoutedOptions, type TargetOptions } from './routed.ts'
