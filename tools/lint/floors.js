/**
 * The floor rule: a package imports only along the edges listed here (the picture is in ARCHITECTURE.md), and only other
 * packages' public index. An oxlint JS plugin (ESLint-compatible shape), so it runs with every other rule.
 */

/** Package (folder below packages/, or apps/<name>) → the packages it may import. */
export const EDGES = {
  'foundation/net': [],
  'foundation/packet': [],
  'foundation/frame': [],
  'foundation/probe': ['net'],
  'foundation/host': ['net'],
  'foundation/api': ['host'],
  'hardware/isf': [],
  'hardware/rsf': [],
  'contracts/nexus': ['api'],
  'contracts/switchd': ['api'],
  'contracts/routed': ['api'],
  'contracts/sled-agent': ['api'],
  'contracts/sp': ['api'],
  'contracts/testbed': ['api'],
  'contracts/dns': ['api'],
  'dataplane/link': ['net', 'packet', 'frame', 'host', 'probe'],
  'dataplane/p4': [],
  'dataplane/npu': ['packet', 'frame', 'probe', 'p4'],
  'dataplane/stf': ['frame', 'p4', 'npu'],
  'dataplane/netstack': ['net', 'packet', 'frame', 'host', 'probe', 'link'],
  'dataplane/vport': ['net', 'packet', 'frame', 'host', 'probe', 'link', 'p4', 'npu'],
  'routing/rib': ['net', 'host', 'probe'],
  'routing/bgp': ['net', 'host', 'probe', 'rib'],
  'routing/bfd': ['net', 'host', 'probe'],
  'routing/static': ['net', 'host', 'rib'],
  'routing/ddm': ['net', 'host', 'probe', 'api', 'rib'],
  'routing/lower': ['net', 'host', 'probe', 'api', 'rib', 'contract-switchd'],
  'routing/routed': ['net', 'host', 'probe', 'api', 'contract-routed', 'rib', 'bgp', 'bfd', 'static', 'ddm', 'lower'],
  'control/switchd': ['net', 'packet', 'frame', 'host', 'probe', 'api', 'contract-switchd', 'link', 'p4', 'npu'],
  'control/sp': ['net', 'host', 'probe', 'api', 'contract-sp', 'rsf'],
  'control/dns': ['net', 'host', 'probe', 'api', 'contract-dns'],
  'control/sled-agent': [
    'net',
    'packet',
    'frame',
    'host',
    'probe',
    'api',
    'contract-sled-agent',
    'link',
    'netstack',
    'vport',
  ],
  'control/nexus': [
    'net',
    'host',
    'probe',
    'api',
    'contract-nexus',
    'contract-sled-agent',
    'contract-switchd',
    'contract-routed',
    'contract-dns',
    'contract-sp',
  ],
  // testbed: the rack and its nodes; lab: topologies as programs, with drivers; experiment, simulation: what is done with them.
  'testbed/testbed': '*',
  'testbed/lab': '*',
  'testbed/experiment': '*',
  'testbed/simulation': '*',
  // A running rack is reached by its contracts; `testbed` is imported to start one.
  'apps/lode': [
    'net',
    'packet',
    'frame',
    'host',
    'probe',
    'api',
    'isf',
    'rsf',
    'p4',
    'npu',
    'stf',
    'routed',
    'contract-nexus',
    'contract-switchd',
    'contract-routed',
    'contract-sp',
    'contract-testbed',
    'testbed',
    'lab',
    'experiment',
    'simulation',
    'contract-sled-agent',
    'vport',
  ],
}

const SCOPE = '@lodestone/'

/** Parts of a package with an index of their own, for those who want no more of it. */
const SUBPATHS = new Set(['p4/wasm'])

/** @param {string} fileName */
function packageOf(fileName) {
  const match = /(?:^|\/)(?:packages\/([^/]+\/[^/]+)|(apps\/[^/]+))\//.exec(fileName)
  return match === null ? undefined : (match[1] ?? match[2])
}

const rule = {
  meta: { type: 'problem' },
  create(context) {
    const here = packageOf(context.filename)
    if (here === undefined) return {}
    const allowed = EDGES[here]
    const isTest = /\.test\.ts$|\/bench\//.test(context.filename)
    const check = (node) => {
      const source = node.source?.value
      if (typeof source !== 'string') return
      if (source.startsWith('.')) {
        const depth = source.split('/').filter((part) => part === '..').length
        const inside = context.filename.slice(context.filename.indexOf(here) + here.length + 1).split('/').length - 1
        if (depth > inside) context.report({ node, message: `${source} leaves the package: import its public index` })
        if (!isTest && source.endsWith('.test.ts')) context.report({ node, message: 'source imports a test' })
        return
      }
      if (!source.startsWith(SCOPE)) return
      const path = source.slice(SCOPE.length)
      const name = SUBPATHS.has(path) ? path.slice(0, path.indexOf('/')) : path
      if (name.includes('/')) context.report({ node, message: `${source} is a deep import: use the package index` })
      if (allowed === undefined) context.report({ node, message: `${here} is not in the table of floors` })
      else if (allowed !== '*' && !allowed.includes(name)) {
        context.report({ node, message: `${here} may not import ${source} (see tools/lint/floors.js)` })
      }
    }
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check }
  },
}

export default { meta: { name: 'lodestone' }, rules: { floors: rule } }
