// promptparse 1.6.0 reads the golden vectors of rooms/payments/emvqr: lengths,
// tags and checksum must agree. Its checksum runs over UTF-16 code units, which
// is the same as ours only for ASCII; for payloads with Urdu it is given the
// bytes instead, as MPM 4.7.3 means them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { parse, checksum } = createRequire(import.meta.url)('promptparse');
const vectors = JSON.parse(readFileSync(new URL('../../rooms/payments/emvqr/testdata/vectors.json', import.meta.url)));

for (const v of vectors) {
  test(v.name, () => {
    const ascii = /^[\x20-\x7e]*$/.test(v.payload);
    const read = parse(v.payload, ascii); // strict: the checksum must fit
    assert.ok(read, 'promptparse does not read it');
    const bytes = Buffer.from(v.payload, 'utf8').toString('latin1');
    assert.equal(checksum(bytes.slice(0, -4)), v.payload.slice(-4), 'checksum');
    for (const [tag, value] of Object.entries(v.tags)) {
      const [main, sub] = tag.split('.');
      assert.equal(read.getTagValue(main, sub), value, `tag ${tag}`);
    }
  });
  test(`${v.name}, one digit changed`, () => {
    const broken = v.payload.slice(0, 20) + (v.payload[20] === '0' ? '1' : '0') + v.payload.slice(21);
    assert.notEqual(checksum(Buffer.from(broken, 'utf8').toString('latin1').slice(0, -4)), broken.slice(-4));
  });
}
