// @sd-jwt/sd-jwt-vc verifies what the wallet collected, unchanged: issuer
// signature, disclosures, key binding, type metadata and the status list.
import { createHash, randomBytes, webcrypto } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import { getListFromStatusListJWT } from '@sd-jwt/jwt-status-list'
import * as jose from 'jose'
import { base, citizen, finish, must, references, revoke, step } from './house.mjs'

const name = '@sd-jwt/sd-jwt-vc'
const kept = JSON.parse(readFileSync(process.env.SARAI_WALLET ?? 'wallet.json', 'utf8'))
const { jwks } = await (await fetch(`${base}/.well-known/jwt-vc-issuer`)).json()
const issuerKeys = jose.createLocalJWKSet(jwks)

// one verifier for credential and status list: the key is found by kid
async function verifier(data, signature) {
  const header = JSON.parse(Buffer.from(data.split('.')[0], 'base64url'))
  const key = await issuerKeys(header)
  try {
    await jose.compactVerify(`${data}.${signature}`, key, { algorithms: ['ES256'] })
    return true
  } catch { return false }
}
async function kbVerifier(data, signature, payload) {
  const key = await jose.importJWK(payload.cnf.jwk, payload.cnf.jwk.kty === 'OKP' ? 'EdDSA' : 'ES256')
  try {
    await jose.compactVerify(`${data}.${signature}`, key, { algorithms: ['ES256', 'EdDSA'] })
    return true
  } catch { return false }
}
const holderOf = (i) => async (data) => {
  const jwk = kept[i].key
  const alg = jwk.kty === 'OKP' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await webcrypto.subtle.importKey('jwk', jwk, alg, false, ['sign'])
  const sig = await webcrypto.subtle.sign(jwk.kty === 'OKP' ? alg : { name: 'ECDSA', hash: 'SHA-256' }, key, Buffer.from(data))
  return Buffer.from(sig).toString('base64url')
}
const instance = (i) => new SDJwtVcInstance({
  verifier, kbVerifier, kbSigner: holderOf(i), kbSignAlg: kept[i].key.kty === 'OKP' ? 'EdDSA' : 'ES256',
  hasher: (data, alg) => createHash(alg.replace('-', '')).update(data).digest(), hashAlg: 'sha-256',
  saltGenerator: (n) => randomBytes(n).toString('base64url'), loadTypeMetadataFormat: true,
})

await step(name, 'the credential verifies with its status and type metadata', async () => {
  const { payload } = await instance(0).verify(kept[0].credential)
  must(payload.name && payload.birthdate && /[\u0600-\u06ff]/.test(payload.name_ur), 'claims are missing or the Urdu name is not Urdu')
  must(payload.iss === base && payload.vct === `${base}/credentials/types/PersonIdentification`, 'iss or vct')
})
await step(name, 'type metadata is understood', async () => {
  const m = await instance(0).getVct(kept[0].credential)
  must(m?.mergedTypeMetadata?.display?.length === 2 || m?.display?.length === 2, 'no display in both languages')
})
for (const i of [0, 1]) {
  await step(name, `a presentation with key binding shows the age only (${kept[i].key.kty})`, async () => {
    const sd = instance(i)
    const shown = await sd.present(kept[i].credential, { age_over_18: true }, { kb: { payload: { iat: Math.floor(Date.now() / 1000), aud: 'x509_hash:cinema', nonce: 'n-1' } } })
    must(!Buffer.from(shown.split('~').slice(1, -1).join(), 'base64url').toString().includes('birthdate'), 'more than asked for')
    const { payload, kb } = await sd.verify(shown, { keyBindingNonce: 'n-1', requiredClaimKeys: ['age_over_18'] })
    must(payload.age_over_18 === true && payload.name === undefined && payload.birthdate === undefined && payload.address === undefined, 'hidden claims are visible')
    must(kb.payload.aud === 'x509_hash:cinema', 'audience')
  })
}
await step(name, 'a nested claim is shown by itself', async () => {
  const sd = instance(0)
  const { payload } = await sd.verify(await sd.present(kept[0].credential, { address: { locality: true } }))
  must(payload.address?.locality && payload.address.formatted === undefined, JSON.stringify(payload.address))
})
await step(name, 'another nonce is refused', async () => {
  const sd = instance(0)
  const shown = await sd.present(kept[0].credential, {}, { kb: { payload: { iat: Math.floor(Date.now() / 1000), aud: 'a', nonce: 'n-1' } } })
  return sd.verify(shown, { keyBindingNonce: 'n-2' })
}, /nonce/i)
await step(name, 'a made-up disclosure changes nothing', async () => {
  // this library drops what no digest refers to instead of refusing it, as
  // RFC 9901 section 7.1 step 3.d would have it; the claim must not appear
  const [jwt, ...rest] = kept[0].credential.split('~')
  const forged = Buffer.from(JSON.stringify(['salt', 'name', 'Eve'])).toString('base64url')
  const { payload } = await instance(0).verify([jwt, forged, ''].join('~')).catch(() => ({ payload: {} }))
  must(payload.name === undefined && rest.length > 10, 'a disclosure nobody signed was believed')
})
await step(name, 'a changed credential is refused', async () => {
  const [jwt, ...rest] = kept[0].credential.split('~')
  const [h, p, s] = jwt.split('.')
  const payload = JSON.parse(Buffer.from(p, 'base64url'))
  payload.exp += 1
  return instance(0).verify([[h, Buffer.from(JSON.stringify(payload)).toString('base64url'), s].join('.'), ...rest].join('~'))
}, /signature|verif/i)
await step('@sd-jwt/jwt-status-list', 'the status list decodes and holds no neighbours of a batch', async () => {
  const places = kept.map((k) => jose.decodeJwt(k.credential.split('~')[0]).status.status_list)
  const list = getListFromStatusListJWT(await (await fetch(places[0].uri, { headers: { accept: 'application/statuslist+jwt' } })).text())
  must(places.every((p) => list.getStatus(p.idx) === 0), 'not valid')
  const sorted = places.map((p) => p.idx).sort((a, b) => a - b)
  must(sorted.every((x, i) => i === 0 || x - sorted[i - 1] > 1), 'neighbours')
})
await step(name, 'after the official act the credential is not valid', async () => {
  const b = await citizen()
  await revoke((await references(b))[0])
  const until = Date.now() + 60_000
  for (;;) {
    try {
      await instance(0).verify(kept[0].credential)
    } catch (e) {
      if (/status/i.test(e.message)) return
      throw e
    }
    must(Date.now() < until, 'still valid after a minute')
    await new Promise((r) => setTimeout(r, 500))
  }
})
finish()
