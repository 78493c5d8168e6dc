// openid-client, a certified relying party, signs a citizen in from outside,
// unchanged: discovery, PKCE, PAR, DPoP, pairwise subject, userinfo; and the
// cases that must fail.
import * as client from 'openid-client'
import * as oauth from 'oauth4webapi'
import * as jose from 'jose'
import { agree, base, citizen, finish, must, step } from './house.mjs'

const name = 'openid-client'
const redirect = process.env.SARAI_REDIRECT ?? 'http://127.0.0.1:7701/callback'
const id = process.env.SARAI_CLIENT ?? 'outside-rp'
const b = await citizen()

const config = await step(name, 'discovery', async () => {
  const c = await client.discovery(new URL(base), id, { id_token_signed_response_alg: 'RS256' }, client.None(), { execute: [client.allowInsecureRequests] })
  must(c.serverMetadata().subject_types_supported.includes('pairwise'), 'no pairwise subjects')
  return c
})

async function request(more = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const params = {
    redirect_uri: redirect, scope: 'openid profile birthdate', state: client.randomState(), nonce: client.randomNonce(),
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  }
  for (const k of Object.keys(params)) if (params[k] === undefined) delete params[k]
  return { params, verifier }
}
const visit = async (url) => agree(b, await b.go(url.pathname + url.search))
const checks = (r) => ({ pkceCodeVerifier: r.verifier, expectedState: r.params.state, expectedNonce: r.params.nonce, idTokenExpected: true })

let sub, last
await step(name, 'code flow with PKCE, iss and nonce; ID token RS256', async () => {
  const r = await request()
  const back = await visit(client.buildAuthorizationUrl(config, r.params))
  must(back.searchParams.get('iss') === base, 'no iss in the answer')
  const tokens = await client.authorizationCodeGrant(config, back, checks(r))
  last = { r, back, tokens }
  sub = tokens.claims().sub
  must(/^[\w-]{43}$/.test(sub), `subject ${sub}`)
})
await step(name, 'userinfo by GET gives what was agreed to, in both scripts', async () => {
  const info = await client.fetchUserInfo(config, last.tokens.access_token, sub)
  must(info.name && /[\u0600-\u06ff]/.test(info['name#ur']) && /^\d{4}-\d\d-\d\d$/.test(info.birthdate), JSON.stringify(Object.keys(info)))
  must(info.national_number === undefined && info.address === undefined, 'more than agreed to')
})
await step(name, 'userinfo by POST', async () => {
  const res = await fetch(`${base}/oidc/userinfo`, { method: 'POST', headers: { authorization: `Bearer ${last.tokens.access_token}` } })
  must(res.ok && (await res.json()).sub === sub, `status ${res.status}`)
})
await step(name, 'the same person has the same subject the second time', async () => {
  const r = await request()
  const tokens = await client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, r.params)), checks(r))
  must(tokens.claims().sub === sub, 'another subject')
})
await step(name, 'pushed authorization request', async () => {
  const r = await request()
  const url = await client.buildAuthorizationUrlWithPAR(config, r.params)
  must(url.searchParams.has('request_uri') && !url.searchParams.has('scope'), 'not pushed')
  const tokens = await client.authorizationCodeGrant(config, await visit(url), checks(r))
  must(tokens.claims().sub === sub, 'another subject')
})
await step(name, 'DPoP-bound token', async () => {
  const r = await request()
  const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const tokens = await client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, r.params)), checks(r), undefined, { DPoP: dpop })
  must(tokens.token_type === 'dpop', tokens.token_type)
  await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: dpop })
  const bare = await fetch(`${base}/oidc/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  must(bare.status === 401, 'downgraded to a bearer token')
})
await step(name, 'prompt=none without trouble once agreed', async () => {
  const r = await request({ prompt: 'none' })
  await client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, r.params)), checks(r))
})

// what must fail
await step(name, 'a code used twice is refused', () => client.authorizationCodeGrant(config, last.back, checks(last.r)), /invalid_grant/)
await step(name, '... and its first token has ended', () => client.fetchUserInfo(config, last.tokens.access_token, sub), /invalid_token|WWW-Authenticate/)
await step(name, 'a wrong verifier is refused', async () => {
  const r = await request()
  const back = await visit(client.buildAuthorizationUrl(config, r.params))
  return client.authorizationCodeGrant(config, back, { ...checks(r), pkceCodeVerifier: client.randomPKCECodeVerifier() })
}, /invalid_grant/)
await step(name, 'a request without PKCE is refused', async () => {
  const r = await request({ code_challenge: undefined, code_challenge_method: undefined })
  return client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, r.params)), checks(r))
}, /invalid_request/)
await step(name, 'plain PKCE is refused', async () => {
  const r = await request({ code_challenge_method: 'plain' })
  return client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, r.params)), checks(r))
}, /invalid_request/)
await step(name, 'a scope that is not open to the client is refused', async () => {
  const r = await request({ scope: 'openid national_number' })
  return client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, r.params)), checks(r))
}, /invalid_scope/)
await step(name, 'nobody is sent to an address that is not registered', async () => {
  for (const redirect_uri of ['https://evil.example/', `${redirect}/`, `${redirect}?x=1`, redirect.replace('/callback', '/Callback')]) {
    const r = await request({ redirect_uri })
    const page = await b.go(`/oidc/authorize${client.buildAuthorizationUrl(config, r.params).search}`)
    must(page.url.origin === new URL(base).origin && page.status >= 400, `sent to ${page.url}`)
  }
})
await step(name, 'an unknown client gets a page, not a redirect', async () => {
  const r = await request({ client_id: 'nobody' })
  const page = await b.go(`/oidc/authorize?${new URLSearchParams({ response_type: 'code', ...r.params })}`)
  must(page.url.origin === new URL(base).origin && page.status >= 400, `sent to ${page.url}`)
})
await step(name, 'a forged ID token is refused by the published keys', async () => {
  const { privateKey } = await jose.generateKeyPair('RS256')
  const forged = await new jose.SignJWT({ sub, nonce: 'x' }).setProtectedHeader({ alg: 'RS256', kid: jose.decodeProtectedHeader(last.tokens.id_token).kid })
    .setIssuer(base).setAudience(id).setIssuedAt().setExpirationTime('5m').sign(privateKey)
  return jose.jwtVerify(forged, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)))
}, /signature/i)
await step('jose', 'the true ID token verifies with the published keys', async () => {
  const { payload } = await jose.jwtVerify(last.tokens.id_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { issuer: base, audience: id, algorithms: ['RS256'] })
  must(payload.auth_time <= payload.iat && payload.at_hash, 'auth_time or at_hash')
})
await step('oauth4webapi', 'the low-level client agrees on metadata and on an error', async () => {
  const issuer = new URL(base)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true }))
  const c = { client_id: id }
  const res = await oauth.authorizationCodeGrantRequest(as, c, oauth.None(), oauth.validateAuthResponse(as, c, last.back, last.r.params.state), redirect, last.r.verifier, { [oauth.allowInsecureRequests]: true })
  try {
    await oauth.processAuthorizationCodeResponse(as, c, res)
  } catch (e) {
    must(e instanceof oauth.ResponseBodyError && e.error === 'invalid_grant', e.message)
    return
  }
  throw new Error('a spent code was taken')
})
await step(name, 'signed out by the relying party, and back where it registered', async () => {
  const r = await request()
  const tokens = await client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, r.params)), checks(r))
  const bye = new URL('/', redirect).href
  const url = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: 'bye' })
  const page = await b.go(url.pathname + url.search)
  must(page.url.href === `${bye}?state=bye`, `landed on ${page.url}`)
  const again = await b.go(`/oidc/authorize${client.buildAuthorizationUrl(config, (await request({ prompt: 'none' })).params).search}`)
  must(again.url.searchParams.get('error') === 'login_required', 'still signed in')
})
finish()
