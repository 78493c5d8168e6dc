// What the scripts need of a running Sarai besides the protocols: somebody who
// is signed in, an offer on their page, and an official who revokes.
//
//   SARAI_URL       the server, http://localhost:8080 if not given
//   SARAI_CITIZEN   cookie header of a citizen's session   } without them the
//   SARAI_OFFICIAL  cookie header of a registration officer } demo's personas
import { readFileSync } from 'node:fs'

export const base = (process.env.SARAI_URL ?? 'http://localhost:8080').replace(/\/$/, '')

export function version(name) {
  const url = new URL(`./node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')).version
}

let failures = 0

// step runs one step and prints its line. A step that must be refused says so
// with `refused`: the error has to match it.
export async function step(client, name, work, refused) {
  const line = { client, version: version(client), step: name, ok: false }
  let result
  try {
    result = await work()
    if (refused) line.error = 'was accepted'
    else line.ok = true
  } catch (e) {
    const text = [e?.error, e?.code, e?.message, e?.cause?.error, e?.cause?.message].filter(Boolean).join(' ')
    if (refused?.test(text)) line.ok = true
    else line.error = text.slice(0, 300)
    if (refused) line.refused = text.slice(0, 120)
  }
  if (!line.ok) failures++
  console.log(JSON.stringify(line))
  return result
}

export function must(ok, why) {
  if (!ok) throw new Error(why)
}

export function finish() {
  process.exitCode = failures ? 1 : 0
}

// Browser keeps cookies and follows redirects inside the house only.
export class Browser {
  constructor(cookies = '') {
    this.cookies = new Map(cookies.split(/;\s*/).filter(Boolean).map((c) => [c.slice(0, c.indexOf('=')), c.slice(c.indexOf('=') + 1)]))
  }

  async go(path, form) {
    let url = new URL(path, base)
    let init = form ? { method: 'POST', body: new URLSearchParams(form) } : {}
    for (let i = 0; i < 12; i++) {
      const res = await fetch(url, { ...init, redirect: 'manual', headers: { cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') } })
      for (const c of res.headers.getSetCookie()) {
        const [pair] = c.split(';')
        this.cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
      }
      const to = res.headers.get('location')
      if (!to) return { status: res.status, url, body: await res.text() }
      url = new URL(to, url)
      init = {}
      if (url.origin !== new URL(base).origin) return { status: res.status, url, body: '' }
    }
    throw new Error('redirects without end')
  }

  static async persona(name, cookies) {
    const b = new Browser(cookies)
    if (!cookies) {
      const res = await b.go('/demo/sign-in', { persona: name })
      if (res.status >= 400) throw new Error(`demo sign-in as ${name}: ${res.status}`)
    }
    return b
  }
}

export const citizen = () => Browser.persona('ayesha', process.env.SARAI_CITIZEN)
export const official = () => Browser.persona('nadia', process.env.SARAI_OFFICIAL)

const plain = (s) => s.replaceAll('&amp;', '&').replaceAll('&#34;', '"').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&#43;', '+')

// offer puts the citizen's identity before a wallet and gives the deep link
// that stands behind the QR code.
export async function offer(b) {
  const page = await b.go('/credentials/offer', {})
  const link = page.body.match(/data-offer="([^"]+)"/)
  if (!link) throw new Error(`no offer on the page: ${page.status} ${page.url}`)
  return plain(link[1])
}

// agree answers the consent page, if there is one, and gives the address the
// answer was sent to.
export async function agree(b, page) {
  if (page.url.origin !== new URL(base).origin) return page.url
  const token = page.body.match(/name="i" value="([^"]+)"/)
  if (!token) throw new Error(`no consent page: ${page.status} ${page.url.pathname}`)
  return (await b.go('/oidc/consent', { i: plain(token[1]), answer: 'yes' })).url
}

// references are the credentials on the citizen's page, newest first.
export async function references(b) {
  const page = await b.go('/credentials')
  const links = /\/credentials\/(offer|again)\/[0-9a-f-]+|data-again="[^"]*"/g // name offers, not credentials
  return [...new Set([...page.body.replaceAll(links, '').matchAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g)].map((m) => m[0]))]
}

export async function revoke(reference) {
  const b = await official()
  const page = await b.go(`/identity/revoke/${reference}`, { status: '1', reason: 'Conformance run: the phone was lost' })
  if (page.status !== 200) throw new Error(`revocation: ${page.status}`)
}
