/** `lode routed` against OpenBGPD as Debian ships it. */
import { describePeer } from './peer-suite.ts'
import { OpenBgpd } from './openbgpd.ts'

describePeer('OpenBGPD', () => new OpenBgpd())
