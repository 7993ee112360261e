/** `lode routed` against FRR as Debian ships it. */
import { describePeer } from './peer-suite.ts'
import { Frr } from './frr.ts'

describePeer('FRR', () => new Frr())
