// The wallet core of Credo (@openid4vc/openid4vci) collects an identity from
// Sarai, unchanged, and the collected credentials are written to a file.
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { clientAuthenticationAnonymous, setGlobalConfig } from '@openid4vc/oauth2'
import { Openid4vciClient, setGlobalConfig as setGlobalConfigVci } from '@openid4vc/openid4vci'
import * as jose from 'jose'
import { base, citizen, finish, must, offer, step } from './house.mjs'

// the demo runs on plain http on this machine
setGlobalConfig({ allowInsecureUrls: true })
setGlobalConfigVci({ allowInsecureUrls: true })

const name = '@openid4vc/openid4vci'
const keys = new Map()
async function newKey(alg = 'ES256') {
  const pair = await jose.generateKeyPair(alg, { extractable: true })
  const jwk = await jose.exportJWK(pair.publicKey)
  keys.set(await jose.calculateJwkThumbprint(jwk), pair.privateKey)
  return { method: 'jwk', publicJwk: jwk, alg }
}

const client = new Openid4vciClient({
  callbacks: {
    hash: (data, alg) => createHash(alg.replace('-', '')).update(data).digest(),
    generateRandom: (n) => randomBytes(n),
    clientAuthentication: clientAuthenticationAnonymous(),
    signJwt: async (signer, { header, payload }) => ({
      jwt: await new jose.SignJWT(payload).setProtectedHeader(header).sign(keys.get(await jose.calculateJwkThumbprint(signer.publicJwk))),
      signerJwk: signer.publicJwk,
    }),
    verifyJwt: async () => ({ verified: false }),
    decryptJwe: () => { throw new Error('not used') },
    encryptJwe: () => { throw new Error('not used') },
  },
})

const b = await citizen()
const link = await step(name, 'the offer is on the page', () => offer(b))
const resolved = await step(name, 'the offer is resolved by reference', () => client.resolveCredentialOffer(link))
const meta = await step(name, 'issuer and server metadata are read', async () => {
  const m = await client.resolveIssuerMetadata(resolved.credential_issuer)
  must(m.credentialIssuer.credential_issuer === base, 'another issuer')
  must(m.originalDraftVersion === 'V1', `understood as ${m.originalDraftVersion}, not as 1.0`)
  return m
})
const configuration = resolved.credential_configuration_ids[0]
const token = await step(name, 'the pre-authorized code gives a DPoP token', async () => {
  const signer = await newKey()
  const t = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({ credentialOffer: resolved, issuerMetadata: meta, dpop: { signer } })
  must(t.accessTokenResponse.token_type === 'DPoP', 'silently a bearer token')
  return t
})
await step(name, 'the code works once', () => client.retrievePreAuthorizedCodeAccessTokenFromOffer({ credentialOffer: resolved, issuerMetadata: meta }), /invalid_grant/)

async function proofs(nonce, n) {
  const out = []
  for (let i = 0; i < n; i++) {
    const signer = await newKey(i % 2 ? 'Ed25519' : 'ES256')
    if (signer.alg === 'Ed25519') signer.alg = 'EdDSA'
    const { jwt } = await client.createCredentialRequestJwtProof({ issuerMetadata: meta, credentialConfigurationId: configuration, signer, nonce, issuedAt: new Date() })
    out.push(jwt)
  }
  return { jwt: out }
}
const ask = (p, accessToken = token.accessTokenResponse.access_token) => client.retrieveCredentials({
  issuerMetadata: meta, credentialConfigurationId: configuration, accessToken, proofs: p, dpop: token.dpop })

await step(name, 'a made-up nonce is refused', async () => ask(await proofs('made-up', 1)), /invalid_nonce|nonce/)
await step(name, 'a forged access token is refused', async () => {
  const { c_nonce } = await client.requestNonce({ issuerMetadata: meta })
  return ask(await proofs(c_nonce, 1), 'forged')
}, /401|invalid_token|Unauthorized|unsuccessful/i)
const batch = await step(name, 'a batch of ten arrives, ES256 and EdDSA keys', async () => {
  const { c_nonce } = await client.requestNonce({ issuerMetadata: meta })
  const res = await ask(await proofs(c_nonce, 10))
  must(res.credentialResponse.credentials.length === 10, 'not ten')
  return res.credentialResponse.credentials.map((c) => c.credential)
})
if (batch) {
  const kept = []
  for (const credential of batch) {
    const { cnf } = jose.decodeJwt(credential.split('~')[0])
    kept.push({ credential, key: await jose.exportJWK(keys.get(await jose.calculateJwkThumbprint(cnf.jwk))) })
  }
  writeFileSync(process.env.SARAI_WALLET ?? 'wallet.json', JSON.stringify(kept))
}
finish()
