/** `lode routed` against GoBGP as Debian ships it. */
import { describePeer } from './peer-suite.ts'
import { GoBgp } from './gobgp.ts'

describePeer('GoBGP', () => new GoBgp())
