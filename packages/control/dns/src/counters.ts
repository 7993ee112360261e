/** What a name server has seen, by outcome. Everything that came in is in exactly one of these, connections apart. */
export interface DnsCounters {
  /** Answered with data, or with the word that there is none. */
  noError: number
  nxDomain: number
  /** For a zone that is another's, or a transfer. */
  refused: number
  /** An opcode that is not QUERY. */
  notImplemented: number
  /** Answered with FORMERR. */
  malformed: number
  /** An EDNS version that does not exist. */
  badVersion: number
  /** Dropped: shorter than a header, or an answer. */
  dropped: number
  /** Of the above, those that the client was told to ask again over TCP. */
  truncated: number
  /** Connections that were refused because as many as may be were open. */
  connectionsRefused: number
  /** Connections that were closed because they said nothing for too long. */
  connectionsIdle: number
}

export function zeroCounters(): DnsCounters {
  return {
    noError: 0,
    nxDomain: 0,
    refused: 0,
    notImplemented: 0,
    malformed: 0,
    badVersion: 0,
    dropped: 0,
    truncated: 0,
    connectionsRefused: 0,
    connectionsIdle: 0,
  }
}
