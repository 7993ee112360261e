export { type ApiError, ApiFailure, invalidRequest, objectNotFound } from './api-error.ts'
export { type Accept, acceptOf, type Channel } from './channel.ts'
export { type ChannelClient, channelClient } from './channel-client.ts'
export { type CallFailure, type CallInput, type CallResult, client, type Client, type FetchLike } from './client.ts'
export {
  api,
  type Api,
  type Call,
  endpoint,
  type Endpoint,
  type Method,
  type OperationIds,
  type OperationOf,
  type SuccessResponse,
  type ValueOf,
} from './endpoint.ts'
export { ErrorBody, errorResponse, httpError } from './http-error.ts'
export { httpFetch, type HttpFetchOptions } from './http-fetch.ts'
export {
  type CompletedCall,
  type Conversion,
  type Handler,
  type Handlers,
  type HttpHandler,
  implement,
  type ImplementOptions,
  Reply,
  type RequestFailure,
} from './implement.ts'
export { NDJSON, ndjsonWriter, type NdjsonWriter, readNdjson } from './ndjson.ts'
export { openApiDocument, openApiText } from './openapi.ts'
export {
  decodePageToken,
  DEFAULT_PAGE_LIMIT,
  encodePageToken,
  MAX_PAGE_LIMIT,
  type Page,
  pageFields,
  pageInMemory,
  pageLimit,
  pageOf,
} from './pagination.ts'
export { type HttpServer, peerAddress, serveHttp, type ServeHttpOptions } from './serve-http.ts'
