/** How often things happened to the connections of a stack; Linux shows the same in /proc/net/netstat. */
export class TcpCounts {
  /** Segments with data that were sent again, whatever the reason. */
  retransmits = 0
  /** Retransmission timeouts, recoveries without one, and probes of a silent tail. */
  timeouts = 0
  recoveries = 0
  tailProbes = 0
  /** First slow starts that ended because round trips grew, and not with a loss. */
  slowStartExits = 0
  /** Reductions of the window taken back, because nothing was lost. */
  undone = 0
  /** Segments that peers said they had got twice (D-SACK). */
  duplicateReports = 0
  /** Windows reduced because of marks (ECN), and marks that arrived. */
  ecnReductions = 0
  ecnMarks = 0
  /** Answers to segments that may have been made up (RFC 5961), and those that were too many to send. */
  challenges = 0
  challengesHeldBack = 0
  /** SYNs answered by cookies, and cookies that came back. */
  synCookiesSent = 0
  synCookiesAccepted = 0
}
