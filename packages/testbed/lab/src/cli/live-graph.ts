/** A page that shows a running laboratory as it changes: states of nodes and links, rates, drops, lateness. On the loopback only. */
import { serveHttp } from '@lodestone/api'
import type { LabClient, LabInfo } from '../control/lab-api.ts'
import type { LabContext } from '../os-context.ts'
import { graphOf, graphSvg } from './graph-svg.ts'

const PAGE = `<!doctype html><meta charset="utf-8"><title>laboratory</title><link rel="icon" href="data:,">
<style>body{font:14px system-ui;margin:1rem}table{border-collapse:collapse}td,th{padding:2px 12px 2px 0;text-align:right}td:first-child,th:first-child{text-align:left}.bad{color:#c33}</style>
<h1 id="name"></h1><p id="fidelity"></p><div id="graph"></div><table id="links"></table>
<script>
let before
const cell = (row, text, isBad) => { const td = row.insertCell(); td.textContent = text; if (isBad) td.className = 'bad' }
async function tick() {
  try {
    const { info, svg } = await (await fetch('/state')).json()
    document.getElementById('name').textContent = info.name
    const { valid, judged, frames, late_p99_ms, bound_ms } = info.fidelity
    const line = document.getElementById('fidelity')
    line.textContent = judged ? (valid ? 'valid' : 'INVALID') + ': 99 of 100 frames within ' + late_p99_ms.toFixed(3) + ' ms of their time (bound ' + bound_ms + ' ms)' : 'too few frames to say: ' + frames
    line.className = valid ? '' : 'bad'
    document.getElementById('graph').innerHTML = svg
    const table = document.getElementById('links')
    table.textContent = ''
    const head = table.insertRow()
    for (const title of ['link', 'state', 'frames/s', 'Mbit/s', 'drops', 'late p99 ms']) head.appendChild(document.createElement('th')).textContent = title
    const seconds = before ? (info.uptime_ms - before.uptime_ms) / 1000 : 0
    for (const link of info.links) {
      const old = before && before.links.find((each) => each.name === link.name)
      const sum = (of, key) => of.a_to_b[key] + of.b_to_a[key]
      const rate = (key) => (old && seconds > 0 ? (sum(link, key) - sum(old, key)) / seconds : 0)
      const drops = [link.a_to_b, link.b_to_a].flatMap((side) => Object.values(side.drops)).reduce((a, b) => a + b, 0)
      const row = table.insertRow()
      cell(row, link.name); cell(row, link.up ? 'up' : 'down', !link.up); cell(row, rate('frames').toFixed(0)); cell(row, (rate('bytes') * 8 / 1e6).toFixed(2)); cell(row, drops, drops > 0)
      cell(row, Math.max(link.a_to_b.late_p99_ms, link.b_to_a.late_p99_ms).toFixed(3))
    }
    before = info
  } catch { document.getElementById('fidelity').textContent = 'the laboratory does not answer' }
  setTimeout(tick, 1000)
}
tick()
</script>`

/** @returns the page's address. Serves until the process ends. */
export async function serveLiveGraph(context: LabContext, client: LabClient, port: number): Promise<string> {
  const server = await serveHttp(context.network, { address: '127.0.0.1', port }, async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/') return new Response(PAGE, { headers: { 'content-type': 'text/html; charset=utf-8' } })
    if (pathname !== '/state') return new Response('not found', { status: 404 })
    const info = await client.info()
    if (!info.ok) return Response.json({ message: info.message }, { status: 503 })
    const value: LabInfo = info.value
    return Response.json({ info: value, svg: graphSvg(graphOf(context.document, value)) })
  })
  return `http://127.0.0.1:${server.port}/`
}
