// Plays the financial service providers that the collections expect behind the
// hub: Mojaloop's SDK scheme adapter with the Mojaloop simulator as its back end.
// All live on one port, each below its own name:
//
//   /NAME/in        where the hub sends to (FSPIOP, asynchronous)
//   /NAME/test      what arrived: GET and WebSocket /requests/ID, /callbacks/ID
//   /NAME/backend   /repository/parties and /scenarios, as the collections call them
'use strict'
const http = require('node:http')
const crypto = require('node:crypto')
const WebSocket = require('ws')
const { Jws } = require('@mojaloop/sdk-standard-components')

// The version of the API that the collections are for: their ids are ULIDs.
exports.version = '2.0'
const media = resource => `application/vnd.interoperability.${resource}+json;version=${exports.version}`
const quiet = { isDebugEnabled: false, debug () {}, info () {}, error () {}, warn () {}, child () { return quiet } }

// plain sends these headers and no others: fetch would add an Accept of its own,
// which a callback must not have.
const plain = (url, method, headers, body) => new Promise((resolve, reject) => {
  const req = http.request(url, { method, headers: body === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(body) } }, res => {
    const chunks = []
    res.on('data', c => chunks.push(c))
    res.on('end', () => resolve({ status: res.statusCode, answer: Buffer.concat(chunks).toString() }))
  })
  req.on('error', reject)
  req.end(body)
})

// secretOf is what a provider fulfils an ILP packet with.
const secretOf = (name, packet) => crypto.createHmac('sha256', 'simulator ' + name).update(packet).digest()

// conditionOf is the condition that such a provider would have agreed to.
exports.conditionOf = (name, packet) => crypto.createHash('sha256').update(secretOf(name, packet)).digest('base64url')

class Provider {
  // key: PKCS#8 PEM to sign with, or none. reserves: answers a transfer with
  // RESERVED, so that the hub tells it the end with a PATCH.
  constructor (name, hub, { key, reserves, currencies }) {
    Object.assign(this, { name, hub, reserves, currencies, parties: new Map(), seen: new Map(), watchers: new Map(), waiting: new Map(), transfers: new Map(), secrets: new Map() })
    this.signer = key ? new Jws.signer({ signingKey: key, logger: quiet }) : null
  }

  // record keeps what arrived under its id and tells whoever watches.
  record (kind, id, headers, data) {
    const at = `/${kind}/${id}`
    const entry = { headers, data }
    this.seen.set(at, entry)
    // As the adapter's test server does it: what is pushed names its id as well.
    for (const ws of this.watchers.get(at) ?? []) ws.send(JSON.stringify({ ...entry, id }))
    const wake = this.waiting.get(at)
    if (wake) { this.waiting.delete(at); wake(entry) }
  }

  wait (kind, id, ms = 15000) {
    return new Promise((resolve, reject) => {
      const at = `/${kind}/${id}`
      const timer = setTimeout(() => { this.waiting.delete(at); reject(new Error(`nothing came to ${at} in ${ms} ms`)) }, ms)
      this.waiting.set(at, e => { clearTimeout(timer); resolve(e) })
    })
  }

  async send (method, path, resource, destination, body) {
    const headers = { 'content-type': media(resource), date: new Date().toUTCString(), 'fspiop-source': this.name }
    if (destination) headers['fspiop-destination'] = destination
    if (method === 'POST' || method === 'GET') headers.accept = media(resource)
    let text = body === undefined ? undefined : JSON.stringify(body)
    if (this.signer && text) {
      const opts = { method, uri: this.hub + path, headers, body: text }
      this.signer.sign(opts)
    }
    const { status, answer } = await plain(this.hub + path, method, headers, text)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${answer}`)
  }

  // inbound answers what the hub forwards; the answer goes out after the 202.
  inbound (method, path, headers, body, accepted) {
    const [resource, ...rest] = path.split('/').filter(Boolean)
    const failed = rest.at(-1) === 'error'
    const source = headers['fspiop-source']
    const later = fn => setImmediate(() => fn().catch(e => console.error(`simulator ${this.name}: ${e.message}`)))
    const id = ['parties', 'participants'].includes(resource) ? rest[1] : (rest[0] ?? body?.bulkTransferId ?? body?.quoteId ?? body?.transferId ?? body?.transactionRequestId)
    if (!['parties', 'participants', 'quotes', 'transfers', 'bulkTransfers', 'transactionRequests', 'authorizations'].includes(resource)) return accepted(404)
    accepted(method === 'PUT' || method === 'PATCH' ? 200 : 202)
    if (method === 'PUT') return this.record('callbacks', id, headers, body)
    if (method === 'PATCH') return this.record('notifications', id, headers, body)
    this.record('requests', id, headers, body)
    switch (`${method} ${resource}`) {
      case 'GET parties': return later(() => this.party(rest, source))
      case 'POST quotes': return later(() => this.quote(body, source))
      case 'POST transfers': return later(() => this.fulfil(body, headers, source))
      case 'POST bulkTransfers': return later(() => this.fulfilAll(body, source))
      case 'POST transactionRequests': return later(() => this.send('PUT', `/transactionRequests/${body.transactionRequestId}`, 'transactionRequests', source, { transactionId: crypto.randomUUID(), transactionRequestState: 'RECEIVED' }))
      case 'GET authorizations': return later(() => this.send('PUT', `/authorizations/${rest[0]}`, 'authorizations', source, { authenticationInfo: { authentication: 'OTP', authenticationValue: '1234' }, responseType: 'ENTERED' }))
      case 'GET transfers': return later(() => this.transferState(rest[0], source))
    }
    if (failed) this.record('callbacks', id, headers, body)
  }

  async party ([type, id, sub], source) {
    const p = this.parties.get(`${type}/${id}/${sub ?? ''}`)
    const path = `/parties/${type}/${id}${sub ? '/' + sub : ''}`
    if (!p) return this.send('PUT', path + '/error', 'parties', source, { errorInformation: { errorCode: '3200', errorDescription: 'ID not found' } })
    await this.send('PUT', path, 'parties', source, {
      party: {
        partyIdInfo: { partyIdType: type, partyIdentifier: id, ...(sub ? { partySubIdOrType: sub } : {}), fspId: this.name },
        name: p.displayName,
        personalInfo: { complexName: { firstName: p.firstName, ...(p.middleName ? { middleName: p.middleName } : {}), lastName: p.lastName }, dateOfBirth: p.dateOfBirth }
      }
    })
  }

  async quote (q, source) {
    const zero = { amount: '0', currency: q.amount.currency }
    const packet = Buffer.from(JSON.stringify({ transactionId: q.transactionId, quoteId: q.quoteId, payee: q.payee, payer: q.payer, amount: q.amount, transactionType: q.transactionType })).toString('base64url')
    const secret = secretOf(this.name, packet)
    this.secrets.set(q.transactionId, secret)
    await this.send('PUT', `/quotes/${q.quoteId}`, 'quotes', source, {
      transferAmount: q.amount,
      payeeReceiveAmount: q.amount,
      payeeFspFee: zero,
      payeeFspCommission: zero,
      expiration: new Date(Date.now() + 60000).toISOString(),
      ilpPacket: packet,
      condition: crypto.createHash('sha256').update(secret).digest('base64url')
    })
  }

  async fulfilAll (b, source) {
    await this.send('PUT', `/bulkTransfers/${b.bulkTransferId}`, 'bulkTransfers', source, {
      bulkTransferState: 'COMPLETED',
      completedTimestamp: new Date().toISOString(),
      individualTransferResults: b.individualTransfers.map(t => ({ transferId: t.transferId, fulfilment: secretOf(this.name, t.ilpPacket).toString('base64url') }))
    })
  }

  async fulfil (t, headers, source) {
    const secret = secretOf(this.name, t.ilpPacket)
    const condition = crypto.createHash('sha256').update(secret).digest('base64url')
    if (condition !== t.condition) {
      return this.send('PUT', `/transfers/${t.transferId}/error`, 'transfers', source, { errorInformation: { errorCode: '3100', errorDescription: 'the condition is not that of the packet' } })
    }
    const state = this.reserves && /version=1\.1|version=2/.test(headers.accept ?? '') ? 'RESERVED' : 'COMMITTED'
    const answer = { completedTimestamp: new Date().toISOString(), transferState: state, fulfilment: secret.toString('base64url') }
    this.transfers.set(t.transferId, answer)
    await this.send('PUT', `/transfers/${t.transferId}`, 'transfers', source, answer)
  }

  async transferState (id, source) {
    const t = this.transfers.get(id)
    if (!t) return this.send('PUT', `/transfers/${id}/error`, 'transfers', source, { errorInformation: { errorCode: '3208', errorDescription: 'Transfer ID not found' } })
    await this.send('PUT', `/transfers/${id}`, 'transfers', source, t)
  }

  // scenarios is the payer's side: find the payee, agree, pay.
  async scenarios (list) {
    const out = {}
    for (const s of list) {
      const run = s.operation === 'postTransfers' ? this.pay(s.body) : this.proceed(s, out)
      out[s.name] = { result: await run }
    }
    return out
  }

  async pay (b) {
    const t = { ...b, transferId: crypto.randomUUID(), initiatedTimestamp: new Date().toISOString(), currentState: 'payeeResolved' }
    const came = this.wait('callbacks', b.to.idValue)
    await this.send('GET', `/parties/${b.to.idType}/${b.to.idValue}`, 'parties')
    const { data: { party } } = await came
    const n = party.personalInfo?.complexName ?? {}
    t.to = { ...b.to, fspId: party.partyIdInfo.fspId, firstName: n.firstName, middleName: n.middleName, lastName: n.lastName, dateOfBirth: party.personalInfo?.dateOfBirth, displayName: party.name }
    const quoteId = crypto.randomUUID()
    const quoted = this.wait('callbacks', quoteId)
    await this.send('POST', '/quotes', 'quotes', t.to.fspId, {
      quoteId,
      transactionId: t.transferId,
      payee: { partyIdInfo: { partyIdType: b.to.idType, partyIdentifier: b.to.idValue, fspId: t.to.fspId } },
      payer: { partyIdInfo: { partyIdType: b.from.idType, partyIdentifier: b.from.idValue, fspId: this.name }, name: b.from.displayName },
      amountType: b.amountType,
      amount: { amount: b.amount, currency: b.currency },
      transactionType: { scenario: b.transactionType, initiator: 'PAYER', initiatorType: b.initiatorType },
      note: b.note
    })
    const q = await quoted
    if (!q.data.ilpPacket) throw new Error(`the quote failed: ${JSON.stringify(q.data)}`)
    t.quoteId = quoteId
    t.quoteResponse = { headers: q.headers, body: q.data }
    const ended = this.wait('callbacks', t.transferId)
    await this.send('POST', '/transfers', 'transfers', t.to.fspId, {
      transferId: t.transferId, payerFsp: this.name, payeeFsp: t.to.fspId, amount: q.data.transferAmount, ilpPacket: q.data.ilpPacket, condition: q.data.condition, expiration: new Date(Date.now() + 60000).toISOString()
    })
    const f = await ended
    if (!f.data.transferState) throw new Error(`the transfer failed: ${JSON.stringify(f.data)}`)
    t.fulfil = { headers: f.headers, body: f.data }
    t.currentState = 'COMPLETED'
    return t
  }

  // proceed stands for the adapter's "accept quote" step: the payment is through
  // already, and its answer is the same.
  async proceed (s, out) { return Object.values(out).at(-1)?.result ?? {} }
}

// start listens on 127.0.0.1:port; providers by name with their options.
exports.start = (port, hub, providers) => {
  const all = new Map(Object.entries(providers).map(([name, o]) => [name, new Provider(name, hub, o)]))
  const server = http.createServer((req, res) => {
    const chunks = []
    req.on('data', c => chunks.push(c))
    req.on('end', async () => {
      const json = (status, v) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(v === undefined ? '' : JSON.stringify(v)) }
      const url = new URL(req.url, 'http://simulator')
      const [, name, part, ...rest] = url.pathname.split('/')
      const p = all.get(name)
      if (!p) return json(404, { error: `no provider ${name}` })
      const path = '/' + rest.map(decodeURIComponent).join('/')
      let body
      try { const text = Buffer.concat(chunks).toString(); body = text ? JSON.parse(text) : undefined } catch (e) { return json(400, { error: e.message }) }
      try {
        if (part === 'in') return p.inbound(req.method, path, req.headers, body, status => json(status, {}))
        if (part === 'test') {
          const e = p.seen.get(path)
          return e ? json(200, e) : json(404, { error: `nothing came to ${path}` })
        }
        if (part === 'backend' && path === '/repository/parties' && req.method === 'POST') {
          p.parties.set(`${body.idType}/${body.idValue}/${body.idSubValue ?? ''}`, body)
          return json(204)
        }
        if (part === 'backend' && req.method === 'DELETE') {
          const [, , type, id, sub] = path.slice(1).split('/')
          p.parties.delete(`${type}/${id}/${sub ?? ''}`)
          return json(204)
        }
        if (part === 'backend' && path === '/scenarios') return json(200, await p.scenarios(body))
        json(404, { error: `no ${req.method} ${url.pathname}` })
      } catch (e) { json(500, { error: e.message }) }
    })
  })
  const sockets = new WebSocket.Server({ server })
  sockets.on('connection', (ws, req) => {
    const [, name, , ...rest] = req.url.split('/')
    const p = all.get(name)
    const at = '/' + rest.map(decodeURIComponent).join('/')
    if (!p) return ws.close()
    if (!p.watchers.has(at)) p.watchers.set(at, new Set())
    p.watchers.get(at).add(ws)
    ws.on('close', () => p.watchers.get(at)?.delete(ws))
  })
  return new Promise(resolve => server.listen(port, '127.0.0.1', () => resolve(server)))
}
