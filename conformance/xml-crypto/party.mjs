// The other party: reads jobs, one JSON object a line, from standard input and
// answers each with one line.
//   {"do":"verify","xml":...,"cert":PEM}            -> {"valid":true} or {"valid":false,"why":...}
//   {"do":"sign","xml":...,"key":PEM,"cert":PEM,"method":...,"prefix":...} -> {"xml":...}
// With "iso":true the three references of ISO 20022 are made and resolved: URI=""
// is the AppHdr, no URI is the Document.
import crypto from "node:crypto";
import readline from "node:readline";
import { createRequire } from "node:module";
import { SignedXml } from "xml-crypto";

const require = createRequire(import.meta.url);
const xpath = require("xpath");
const { DOMParser } = require("@xmldom/xmldom");

const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
const enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";

// xml-crypto brings RSA; ECDSA is given to it in the way its manual shows.
function ecdsa(hash, uri) {
  return class {
    getSignature(info, key) {
      return crypto.sign(hash, Buffer.from(info), { key, dsaEncoding: "ieee-p1363" }).toString("base64");
    }
    verifySignature(info, key, value) {
      return crypto.verify(hash, Buffer.from(info), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(value, "base64"));
    }
    getAlgorithmName() {
      return uri;
    }
  };
}

function first(local, doc) {
  return xpath.select1(`//*[local-name(.)='${local}']`, doc);
}

// ISO 20022 gives URI="" and a missing URI meanings of their own.
class Message extends SignedXml {
  loadReference(node) {
    super.loadReference(node);
    if (!node.hasAttribute("URI")) this.references.at(-1).uri = undefined; // it would be read as ""
  }
  validateReference(ref, doc) {
    if (ref.uri) return super.validateReference(ref, doc);
    const node = first(ref.uri === "" ? "AppHdr" : "Document", doc);
    if (this.calculateReferenceDigest(ref, node) !== ref.digestValue) {
      ref.validationError = new Error(`digest of ${node.localName} differs`);
      return undefined;
    }
    return this.canonicalize(ref.transforms, node, { ancestorNamespaces: ref.ancestorNamespaces }, { discardComments: true });
  }
  ensureHasId(node) {
    return node.localName === "Document" ? "no-uri" : super.ensureHasId(node);
  }
  addAllReferences(doc, signature, targets, prefix) {
    super.addAllReferences(doc, signature, targets, prefix);
    for (const r of xpath.select(".//*[local-name(.)='Reference' and @URI='#no-uri']", signature)) r.removeAttribute("URI");
  }
}

function make(job, options) {
  const s = new (job.iso ? Message : SignedXml)({ ...options, getCertFromKeyInfo: () => null });
  for (const [hash, bits] of [["sha256", 256], ["sha384", 384]]) {
    const uri = `http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha${bits}`;
    s.SignatureAlgorithms[uri] = ecdsa(hash, uri);
  }
  s.SignatureAlgorithms["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"] ??= SignedXml.rsaSha256;
  return s;
}

function verify(job) {
  const doc = new DOMParser().parseFromString(job.xml);
  const s = make(job, { publicCert: job.cert });
  s.loadSignature(first("Signature", doc));
  try {
    return s.checkSignature(job.xml) ? { valid: true } : { valid: false, why: "references: " + s.references.map((r) => r.validationError?.message ?? "ok").join("; ") };
  } catch (e) {
    return { valid: false, why: String(e.message) };
  }
}

function sign(job) {
  const s = make(job, {
    privateKey: job.key,
    publicCert: job.cert,
    canonicalizationAlgorithm: exclusive,
    signatureAlgorithm: job.method,
    keyInfoAttributes: { Id: "k-1" },
  });
  if (!job.iso) {
    s.addReference({ xpath: "/*", isEmptyUri: true, transforms: [enveloped, exclusive], digestAlgorithm: sha256 });
    s.computeSignature(job.xml, { prefix: job.prefix || undefined });
    return { xml: s.getSignedXml() };
  }
  const header = first("AppHdr", new DOMParser().parseFromString(job.xml));
  const seal = header.prefix ? `${header.prefix}:Sgntr` : "Sgntr";
  const end = header.prefix ? `</${header.prefix}:AppHdr>` : "</AppHdr>";
  const xml = job.xml.replace(end, `<${seal}></${seal}>${end}`);
  s.addReference({ xpath: "//*[local-name(.)='KeyInfo']", transforms: [exclusive], digestAlgorithm: sha256 });
  s.addReference({ xpath: "//*[local-name(.)='AppHdr']", isEmptyUri: true, transforms: [enveloped, exclusive], digestAlgorithm: sha256 });
  s.addReference({ xpath: "//*[local-name(.)='Document']", transforms: [exclusive], digestAlgorithm: sha256 });
  s.computeSignature(xml, { prefix: job.prefix || undefined, location: { reference: "//*[local-name(.)='Sgntr']", action: "append" } });
  return { xml: s.getSignedXml() };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let answer;
  try {
    answer = job.do === "sign" ? sign(job) : verify(job);
  } catch (e) {
    answer = { error: String(e.stack) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
