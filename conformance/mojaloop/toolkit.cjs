// Runs Mojaloop's hub collections with the Mojaloop Testing Toolkit in this one
// process, on loopback ports of its own choosing:
//
//   node toolkit.cjs SUITE HUB WORK [PATTERN]
//
// SUITE is a checkout of mojaloop/testing-toolkit-test-cases, HUB the base
// address of the hub, WORK a scratch folder. PATTERN keeps the golden path
// collections whose path contains it. Prints a table; WORK/result.json and
// WORK/failing.md have the rest. Exit code 1: a case failed that should not.
'use strict'
const fs = require('node:fs')
const net = require('node:net')
require('node:util').inspect.defaultOptions.depth = 6 // so that the toolkit's log shows why the hub refused something
const path = require('node:path')

const { version, conditionOf } = require('./simulator.cjs')

const [suite, hub, work, pattern] = process.argv.slice(2)
const here = __dirname
const toolkit = path.dirname(require.resolve('ml-testing-toolkit/package.json'))

// The toolkit listens on all interfaces; here only on loopback.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  if (typeof args[0] === 'object' && args[0] && args[0].port !== undefined) args[0] = { ...args[0], host: '127.0.0.1' }
  else if (typeof args[0] === 'number' && typeof args[1] !== 'string') args.splice(1, 0, '127.0.0.1')
  return listen.apply(this, args)
}

const freePort = () => new Promise(resolve => {
  const s = net.createServer()
  s.listen(0, () => { const { port } = s.address(); s.close(() => resolve(port)) })
})
const read = f => JSON.parse(fs.readFileSync(f, 'utf8'))

// collections gives the files of a folder in the order its master.json says, the
// rest behind them.
function collections (dir) {
  const names = fs.readdirSync(dir).filter(n => n !== 'master.json').sort()
  const master = path.join(dir, 'master.json')
  const order = fs.existsSync(master) ? read(master).order.map(o => o.name) : []
  const rank = n => { const i = order.indexOf(n); return i < 0 ? order.length : i }
  return names.sort((a, b) => rank(a) - rank(b)).flatMap(n => {
    const f = path.join(dir, n)
    return fs.statSync(f).isDirectory() ? collections(f) : n.endsWith('.json') ? [f] : []
  })
}

// environment is the suite's own hub.json with our addresses, and with what its
// file leaves to whoever deploys a hub.
function environment (callback, sim) {
  const e = read(path.join(suite, 'environments/hub.json')).inputValues
  Object.assign(e, {
    CALLBACK_ENDPOINT_BASE_URL: callback,
    HOST_ACCOUNT_LOOKUP_ADMIN: hub + '/als-admin', HOST_ACCOUNT_LOOKUP_SERVICE_ADMIN: hub + '/als-admin',
    HOST_CENTRAL_LEDGER: hub + '/admin', HOST_CENTRAL_SETTLEMENT: hub + '/settlement/v2',
    HOST_ACCOUNT_LOOKUP_SERVICE: hub, HOST_BULK_ADAPTER: hub, HOST_ML_API_ADAPTER: hub, HOST_QUOTING_SERVICE: hub, HOST_QUOTING_SERVICE_HANDLER: hub, HOST_TRANSACTION_REQUESTS_SERVICE: hub,
    HOST_SIMULATOR: sim, HOST_LEGACY_SIMULATOR: sim, HOST_ORACLE: sim + '/oracle', HOST_ORACLE_MSISDN: sim + '/oracle',
    API_TYPE: 'fspiop', currency: 'XXX', currency2: 'XTS', currency3: 'XDR', SIMPAYER_CURRENCY: 'XXX', SIMPAYEE_CURRENCY: 'XXX',
    FX_PAYER_DFSP_ID: 'ttkfxpayer', FX_PAYEE_DFSP_ID: 'ttkfxpayee', FX_TESTFXP1_ID: 'ttkfxp1', FX_MSISDN_1: '27713803925', FX_SOURCE_CURRENCY: 'XDR', FX_TARGET_CURRENCY: 'XTS',
    FX_SOURCE_AMOUNT: '100', FX_TARGET_AMOUNT: '200', FX_SOURCE_AMOUNT_ERROR_GENERIC: '13', FX_EXPIRATION: new Date(Date.now() + 3600000).toISOString(),
    email: e.hubEmail, MASTER_EMAIL: e.hubEmail, noresponsepayeefspEmail: e.hubEmail,
    DELAY_FUNDS_IN: 300, DELAY_CGS: 1000, DELAY_QUOTES: 200
  })
  for (const name of Object.keys(PROVIDERS)) {
    const key = name.toUpperCase()
    Object.assign(e, {
      [key + '_CALLBACK_URL']: `${sim}/${name}/in`, [key + '_SDK_TESTAPI_URL']: `${sim}/${name}/test`, [key + '_SDK_TESTAPI_WS_URL']: `${sim.replace('http', 'ws')}/${name}/test`, [key + '_BACKEND_TESTAPI_URL']: `${sim}/${name}/backend`
    })
  }
  const resources = { Parties: 'parties', Participants: 'participants', Quotes: 'quotes', Transfers: 'transfers', TransactionRequests: 'transactionRequests', Authorizations: 'authorizations', BulkTransfers: 'bulkTransfers' }
  for (const [n, r] of Object.entries(resources)) {
    const type = v => `application/vnd.interoperability.${r}+json;version=${v}`
    for (const k of ['accept', 'contentType', 'content']) Object.assign(e, { [k + n]: type(version), [k + n + 'Old']: type('1.0'), [k + n + 'NotSupported']: type('3.0') })
    e[`expected${n}Version`] = version
  }
  e.accept = e.acceptParties
  e.contentType = e.contentTypeParties
  for (const n of ['FxQuotes', 'FxTransfers']) e['accept' + n] = e['contentType' + n] = `application/vnd.interoperability.${n[0].toLowerCase() + n.slice(1)}+json;version=2.0`
  return e
}

const PROVIDERS = {
  payerfsp: { key: 'SIMPAYER_JWS_PRIVATE_KEY' },
  payeefsp: { key: 'SIMPAYEE_JWS_PRIVATE_KEY' },
  testfsp1: { key: 'SIM1_JWS_KEY' },
  testfsp2: { key: 'SIM2_JWS_KEY' },
  testfsp3: { key: 'SIM1_JWS_KEY' },
  testfsp4: { key: 'SIM1_JWS_KEY' }
}

// one run of collections, as the toolkit's own client merges them.
function template (files, values, base, options) {
  const cases = files.flatMap(f => read(f).test_cases.map(c => ({ ...c, file: path.relative(base, f) })))
  // A request without scripts needs no sandbox for them; making one takes longer
  // than the request.
  for (const r of cases.flatMap(c => c.requests)) if (!['preRequest', 'postRequest'].some(k => r.scripts?.[k]?.exec?.join('').trim())) r.scriptingEngine = 'javascript'
  return { name: 'sarai', options, inputValues: values, test_cases: cases, saveReport: false }
}

// impossible says that an assertion is one that no hub can satisfy, and that it
// failed in just the way that is listed; anything else stays a failure.
const contradictions = read(path.join(here, 'contradictory.json'))
const impossible = (c, a, v) => v && contradictions.some(k => k.cases[c.file]?.includes(c.name) && k.assertions.includes(a.id) && new RegExp(k.message).test(v.message))

// verdicts of each case; a case fails with its first failed assertion or request.
function judge (cases) {
  return cases.map(c => {
    const wrong = []
    let assertions = 0
    let failed = 0
    let contradictory = 0
    for (const r of c.requests) {
      const results = r.appended?.assertionResults?.results ?? {}
      for (const a of r.tests?.assertions ?? []) {
        assertions++
        const v = results[a.id]
        if (v && v.status !== 'FAILED') continue
        if (impossible(c, a, v)) { contradictory++; continue }
        failed++
        wrong.push({ request: r.description || r.id, assertion: a.description, message: v ? v.message : 'not reached', sent: r.appended?.request, response: r.appended?.response, callback: r.appended?.callback })
      }
    }
    return { file: c.file, name: c.name, requests: c.requests.length, assertions, failed, contradictory, wrong }
  })
}

const short = (v, n = 700) => { const t = JSON.stringify(v) ?? ''; return t.length > n ? t.slice(0, n) + '…' : t }
function failing (verdicts) {
  let out = ''
  for (const v of verdicts.filter(v => v.failed)) {
    out += `\n## ${v.file} : ${v.name} (${v.failed} of ${v.assertions})\n`
    let last
    for (const w of v.wrong) {
      if (w.request !== last) {
        out += `- ${w.request}: ${w.sent?.method?.toUpperCase()} ${w.sent?.path} ${short(w.sent?.body)}\n`
        out += `    response ${w.response?.status} ${short(w.response?.body)}\n`
        out += `    callback ${w.callback ? short({ headers: w.callback.headers, body: w.callback.body }, 900) : 'none'}\n`
        last = w.request
      }
      out += `    FAILED ${w.assertion}: ${w.message}\n`
    }
  }
  return out
}

// excused says why a case does not apply; such a case is not run.
const reasons = read(path.join(here, 'not-applicable.json'))
const excused = c => reasons[c.file]?.[c.name] ?? reasons[c.file]?.['*']

function table (verdicts, left) {
  const rows = new Map()
  const total = { passed: 0, contradictory: 0, excused: 0, failed: 0 }
  const count = (file, kind) => {
    const row = rows.get(file) ?? { passed: 0, contradictory: 0, excused: 0, failed: 0 }
    row[kind]++; total[kind]++
    rows.set(file, row)
  }
  for (const v of verdicts) count(v.file, v.failed ? 'failed' : v.contradictory ? 'contradictory' : 'passed')
  for (const c of left) count(c.file, 'excused')
  console.log('collection'.padEnd(84), 'passed', 'contradictory', 'n/a', 'failed')
  for (const [f, r] of rows) console.log(f.replace(/\.json$/, '').slice(-84).padEnd(84), String(r.passed).padStart(6), String(r.contradictory).padStart(13), String(r.excused).padStart(3), String(r.failed).padStart(6))
  const all = verdicts.reduce((s, v) => s + v.assertions, 0)
  const bad = verdicts.reduce((s, v) => s + v.failed + v.contradictory, 0)
  console.log(`${verdicts.length + left.length} cases: ${total.passed} passed (of ${all} assertions ${all - bad}), ${total.contradictory} with assertions that contradict themselves, ${total.excused} not applicable, ${total.failed} failed`)
  for (const v of verdicts) if (v.failed) console.log(`FAILED ${v.file}: ${v.name}: ${v.wrong[0].request}: ${v.wrong[0].assertion}: ${v.wrong[0].message}`)
  return total.failed
}

async function main () {
  for (const d of ['spec_files', 'secrets']) fs.cpSync(path.join(toolkit, d), path.join(work, d), { recursive: true })
  for (const d of ['rules_callback', 'rules_response', 'rules_validation']) {
    const own = path.join(suite, 'rules/hub', d, 'default.json')
    if (fs.existsSync(own)) fs.cpSync(own, path.join(work, 'spec_files', d, 'default.json'))
  }
  const inbound = await freePort()
  const callback = `http://127.0.0.1:${inbound}`
  const userFile = path.join(work, 'spec_files/user_config.json')
  fs.writeFileSync(userFile, JSON.stringify({ ...read(userFile), CALLBACK_ENDPOINT: hub, CALLBACK_TIMEOUT: Number(process.env.CALLBACK_TIMEOUT ?? 5000), DEFAULT_REQUEST_TIMEOUT: 10000 }))
  process.env.TTK_SYSTEM_CONFIG = JSON.stringify({ API_PORT: inbound })
  process.chdir(work)

  const log = console.log
  const noise = fs.createWriteStream('toolkit.log')
  console.log = (...a) => noise.write(a.map(x => typeof x === 'string' ? x : require('node:util').inspect(x, { depth: 4 })).join(' ') + '\n')
  process.on('unhandledRejection', e => noise.write(`unhandled: ${e?.stack ?? e}\n`))
  const lib = n => require(path.join(toolkit, 'src', n))
  await lib('lib/config').loadSystemConfig()
  await lib('lib/config').loadUserConfig()
  await lib('server').initialize()
  const outbound = lib('lib/test-outbound/outbound-initiator')

  const port = await freePort()
  const values = environment(callback, `http://127.0.0.1:${port}`)
  const providers = Object.fromEntries(Object.entries(PROVIDERS).map(([n, o]) => [n, { ...o, key: values[o.key] }]))
  await require('./simulator.cjs').start(port, hub, providers)

  const trace = require('node:crypto').randomBytes(16).toString('hex')
  const setup = collections(path.join(suite, 'collections/hub/provisioning/for_golden_path')).filter(f => !/e2e-sim/.test(f))
  const prepared = template(setup, { ...values }, path.join(suite, 'collections/hub/provisioning'))
  await outbound.OutboundSend(prepared, trace, null, true)
  const before = judge(prepared.test_cases)
  const base = path.join(suite, 'collections/hub')
  // The condition of bulk transfers is one that payeefsp of the suite's own deployment
  // agreed to; here it is that of the payeefsp who answers. Their ids are UUIDs, because
  // some are of version 1.0, which knows no others.
  const runs = [{ folders: ['golden_path', 'golden_path_fspiop'], values }, { folders: ['other_tests/bulk_transfers'], options: { generateIDType: 'uuid' }, values: { ...values, validCondition2: conditionOf('payeefsp', values.validIlpPacket2) } }]
  const left = []
  const ran = []
  const progress = setInterval(() => fs.writeFileSync('failing.md', failing(judge(ran.filter(c => c.testResult)))), 5000)
  for (const { folders, options, values } of runs) {
    const files = folders.flatMap(d => collections(path.join(base, d))).filter(f => !pattern || f.includes(pattern))
    if (!files.length) continue
    const run = template(files, { ...values }, base, options)
    left.push(...run.test_cases.filter(excused))
    run.test_cases = run.test_cases.filter(c => !excused(c))
    ran.push(...run.test_cases)
    await outbound.OutboundSend(run, trace, null, true)
  }
  clearInterval(progress)
  const verdicts = judge(ran)
  console.log = log

  fs.writeFileSync('result.json', JSON.stringify({ provisioning: before, verdicts }, null, 1))
  fs.writeFileSync('failing.md', `# Provisioning\n${failing(before)}\n# Golden path\n${failing(verdicts)}`)
  const sum = l => `${l.length} cases, ${l.filter(v => v.failed).length} with a failed assertion`
  console.log(`provisioning through the central admin interface: ${sum(before)}`)
  for (const v of before) if (v.failed) console.log(`FAILED ${v.file}: ${v.name}: ${v.wrong[0].request}: ${v.wrong[0].assertion}: ${v.wrong[0].message}`)
  const bad = table(verdicts, left)
  process.exit(bad || before.some(v => v.failed) ? 1 : 0)
}

main().catch(e => { console.error(e); process.exit(1) })
