// Make a platform's ES256 key: the private JWK goes into the file named, the public JWKS to register is printed.

import { writeFile } from 'node:fs/promises'

const [path] = process.argv.slice(2)
if (!path) throw new Error('name the file for the private key')
const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', pair.privateKey)
// RFC 7638: the SHA-256 of the required members, in alphabetical order.
const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify({ crv, kty, x, y })))
const kid = Buffer.from(digest).toString('base64url')
await writeFile(path, JSON.stringify({ kty, crv, x, y, d, kid }), { mode: 0o600, flag: 'wx' })
console.log(JSON.stringify({ keys: [{ kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }] }))
