// The web part that both samples share: a page with a sign-in link, the callback, the claims received.
//
// A platform is { begin(), finish(url, kept), refresh(tokens), signOut(tokens) }. What `begin` keeps
// stays here, under a cookie, until the browser comes back. Sessions live in memory: this is a sample.

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'

const sessions = new Map()
const MAX_SESSIONS = 1000

export function settings() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      issuer: { type: 'string', default: 'http://localhost:8000' },
      scope: { type: 'string', default: 'openid profile aff offline_access' },
    },
  })
  const clientId = process.env.XINJI_PLATFORM_CLIENT_ID
  if (!values.port || !clientId) throw new Error('give --port, and XINJI_PLATFORM_CLIENT_ID in the environment')
  const base = `http://127.0.0.1:${values.port}`
  return { ...values, base, redirectUri: `${base}/callback`, clientId, issuer: new URL(values.issuer) }
}

// Plain http is for a provider on this very machine; anything else must be https.
export const onLoopback = (issuer) => ['localhost', '127.0.0.1', '[::1]'].includes(issuer.hostname)

export function serve(platform, { port, base }) {
  const server = createServer(async (request, response) => {
    try {
      await answer(platform, base, request, response)
    } catch (error) {
      console.error(error)
      send(response, 400, { error: error.error ?? error.code ?? 'failed', message: error.message })
    }
  })
  server.listen(Number(port), '127.0.0.1', () => console.log(`ready on ${base}`))
}

async function answer(platform, base, request, response) {
  const url = new URL(request.url, base)
  const session = sessionOf(request, response)
  if (url.pathname === '/') return page(response, session)
  if (url.pathname === '/claims.json') return send(response, 200, session.signedIn ?? {})
  if (url.pathname === '/signin') {
    const { location, kept } = await platform.begin()
    session.kept = kept
    return go(response, location)
  }
  if (url.pathname === '/callback' && session.kept) {
    const kept = session.kept
    delete session.kept // An answer is taken once.
    session.signedIn = await platform.finish(url, kept)
    return go(response, '/')
  }
  if (url.pathname === '/refresh' && session.signedIn) {
    session.signedIn = await platform.refresh(session.signedIn)
    return go(response, '/')
  }
  if (url.pathname === '/signout' && session.signedIn) {
    const { idToken } = session.signedIn
    delete session.signedIn
    return go(response, platform.signOut(idToken))
  }
  send(response, 404, { error: 'not_found' })
}

function sessionOf(request, response) {
  const known = /(?:^|; )sample=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]
  if (sessions.has(known)) return sessions.get(known)
  if (sessions.size >= MAX_SESSIONS) sessions.clear()
  const id = randomBytes(24).toString('base64url')
  response.setHeader('set-cookie', `sample=${id}; HttpOnly; SameSite=Lax; Path=/`)
  sessions.set(id, {})
  return sessions.get(id)
}

function page(response, session) {
  const claims = session.signedIn?.claims
  const rows = Object.entries(claims ?? {}).map(([name, value]) => `<dt>${escape(name)}<dd>${escape(JSON.stringify(value))}`)
  const body = claims
    ? `<dl>${rows.join('')}</dl><p><a href="/refresh">刷新 Refresh</a> <a href="/signout">退出 Sign out</a>`
    : '<p><a href="/signin">用信籍登录 Sign in with Xinji</a>'
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
  response.end(`<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>示例平台</title><h1>示例平台</h1>${body}</html>`)
}

const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`)

function go(response, location) {
  response.writeHead(303, { location: String(location), 'cache-control': 'no-store' })
  response.end()
}

function send(response, status, content) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(content))
}
