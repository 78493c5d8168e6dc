// Turns the suite's own test data into a tenant of Sarai's demonstration: the
// building blocks, vouchers and merchants its scenarios take for granted.
// node tenant.mjs test-data.json > tenant.json
import { readFileSync } from 'node:fs'

const data = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const objects = list => list.filter(x => typeof x === 'object') // the lists have comments in them
const g2p = objects(data.g2p), vouchers = objects(data.vouchers), merchants = objects(data.merchants)

// What the data calls "Blocked" is used, expired or cancelled; the comments
// before the entries say which.
const states = new Map()
let comment = ''
for (const v of data.vouchers) {
  if (typeof v === 'string') { comment = v; continue }
  const state = {
    'Pre-Activated': 'preactivated', Activated: 'activated', Purged: 'expired',
    Blocked: /already_used/.test(comment) ? 'used' : /expired/.test(comment) ? 'expired' : 'cancelled',
  }[v.voucher_status]
  if (state) states.set(v, state) // "Not Pre-Activated" and "Not Existing" are no vouchers
}

const group = 'Payment Voucher'
const minor = amount => Math.round(Number(amount) * 100)
console.log(JSON.stringify({
  Bank: 'ntb', Currency: 'AED', Program: 'kafaalat',
  // "Gov_Stack_BB" is named by scenarios only.
  Sources: [...new Set([...g2p.map(x => x.SourceBBID), ...vouchers.map(v => v.Gov_Stack_BB), 'Gov_Stack_BB'])],
  Beneficiaries: g2p.flatMap(x => x.Beneficiaries.map(b => ({ Source: x.SourceBBID, Functional: b.PayeeFunctionalID, Address: b.FinancialAddress }))),
  // The group "string" is named by scenarios only.
  Groups: [...new Set([group, 'string', ...merchants.map(m => m.merchant_voucher_group)])].map(id => ({ ID: id, Budget: id === 'insufficient funds' ? 0 : 100000000, Days: 90 })),
  Merchants: merchants.map(m => ({ Name: m.merchant_name, Details: m.merchant_bank_details, Group: m.merchant_voucher_group, Closed: m.merchant_name === 'Annie Krueger' })),
  Vouchers: [...states].map(([v, state]) => ({ Number: v.voucher_number, Serial: String(v.voucher_serial_number), Source: v.Gov_Stack_BB, Group: group, State: state, Amount: minor(v.voucher_amount) })),
}, null, 1))
