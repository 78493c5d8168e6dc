// The JDK's XML Signature, which is Apache Santuario, as another party: what it
// signs we verify, what we sign it verifies, and its canonical forms are
// compared with ours. It resolves URI="" to the AppHdr and a missing URI to the
// Document, as banks' programs for ISO 20022 do.
//
// Run with --add-exports java.xml.crypto/<package>=ALL-UNNAMED for the internal
// packages imported here; the argument is a file of jobs.

import com.sun.org.apache.xml.internal.security.c14n.Canonicalizer;
import com.sun.org.apache.xml.internal.security.signature.XMLSignatureInput;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.Data;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.URIDereferencer;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.ExcC14NParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.jcp.xml.dsig.internal.dom.ApacheNodeSetData;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXParseException;

public class Santuario {
  static final String DS = "http://www.w3.org/2000/09/xmldsig#";
  static final XMLSignatureFactory FACTORY = XMLSignatureFactory.getInstance("DOM");

  static Document parse(byte[] b) throws Exception {
    DocumentBuilderFactory f = DocumentBuilderFactory.newInstance();
    f.setNamespaceAware(true);
    DocumentBuilder builder = f.newDocumentBuilder();
    builder.setErrorHandler(new ErrorHandler() {
      public void warning(SAXParseException e) {}
      public void error(SAXParseException e) throws SAXParseException { throw e; }
      public void fatalError(SAXParseException e) throws SAXParseException { throw e; }
    });
    return builder.parse(new ByteArrayInputStream(b));
  }

  static byte[] pem(String file) throws Exception {
    String text = Files.readString(Path.of(file)).replaceAll("-----[^-]+-----", "");
    return Base64.getMimeDecoder().decode(text);
  }

  static X509Certificate certificate(String file) throws Exception {
    return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(pem(file)));
  }

  static URIDereferencer iso(Document doc) {
    URIDereferencer usual = FACTORY.getURIDereferencer();
    return (ref, context) -> {
      String name = ref.getURI() == null ? "Document" : ref.getURI().isEmpty() ? "AppHdr" : null;
      if (name == null) {
        return usual.dereference(ref, context);
      }
      NodeList list = doc.getElementsByTagNameNS("*", name);
      XMLSignatureInput input = new XMLSignatureInput(list.item(0));
      input.setExcludeComments(true);
      input.setMIMEType("text/xml");
      return (Data) new ApacheNodeSetData(input);
    };
  }

  static String verify(X509Certificate cert, String file) {
    try {
      Document doc = parse(Files.readAllBytes(Path.of(file)));
      Element signature = (Element) doc.getElementsByTagNameNS(DS, "Signature").item(0);
      Element info = (Element) doc.getElementsByTagNameNS(DS, "KeyInfo").item(0);
      DOMValidateContext context = new DOMValidateContext(KeySelector.singletonKeySelector(cert.getPublicKey()), signature);
      if (info != null && info.hasAttribute("Id")) {
        context.setIdAttributeNS(info, null, "Id");
      }
      context.setURIDereferencer(iso(doc));
      XMLSignature s = FACTORY.unmarshalXMLSignature(context);
      if (s.validate(context)) {
        return "valid";
      }
      StringBuilder why = new StringBuilder("not valid: value " + s.getSignatureValue().validate(context));
      for (Object r : s.getSignedInfo().getReferences()) {
        why.append(", ").append(((Reference) r).getURI()).append(" ").append(((Reference) r).validate(context));
      }
      return why.toString();
    } catch (Exception e) {
      return "error: " + e;
    }
  }

  static void sign(PrivateKey key, X509Certificate cert, String method, String prefix, String file) throws Exception {
    Document doc = parse(Files.readAllBytes(Path.of(file)));
    Element header = (Element) doc.getElementsByTagNameNS("*", "AppHdr").item(0);
    String name = header.getPrefix() == null ? "Sgntr" : header.getPrefix() + ":Sgntr";
    Element seal = doc.createElementNS(header.getNamespaceURI(), name);
    header.appendChild(seal);
    Transform exclusive = FACTORY.newTransform(CanonicalizationMethod.EXCLUSIVE, (TransformParameterSpec) null);
    Transform enveloped = FACTORY.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null);
    if (prefix.equals("list")) { // with InclusiveNamespaces
      exclusive = FACTORY.newTransform(CanonicalizationMethod.EXCLUSIVE, new ExcC14NParameterSpec(List.of("xs", "#default", "ds")));
    }
    DigestMethod digest = FACTORY.newDigestMethod(DigestMethod.SHA256, null);
    KeyInfoFactory keys = FACTORY.getKeyInfoFactory();
    Object named = method.contains("ecdsa")
        ? keys.newX509IssuerSerial(cert.getIssuerX500Principal().getName(), cert.getSerialNumber())
        : cert;
    KeyInfo info = keys.newKeyInfo(List.of(keys.newX509Data(List.of(named))), "_4be9cab1-0001");
    var signed = FACTORY.newSignedInfo(
        FACTORY.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE,
            prefix.equals("list") ? new ExcC14NParameterSpec(List.of("xs")) : (C14NMethodParameterSpec) null),
        FACTORY.newSignatureMethod(method, null),
        List.of(
            FACTORY.newReference("#_4be9cab1-0001", digest, List.of(exclusive), null, null),
            FACTORY.newReference("", digest, List.of(enveloped, exclusive), null, null),
            FACTORY.newReference(null, digest, List.of(exclusive), null, null)));
    DOMSignContext context = new DOMSignContext(key, seal);
    if (prefix.equals("ds")) {
      context.setDefaultNamespacePrefix("ds");
    }
    context.setURIDereferencer(iso(doc));
    FACTORY.newXMLSignature(signed, info).sign(context);
    TransformerFactory.newInstance().newTransformer().transform(new DOMSource(doc), new StreamResult(Path.of(file + ".signed").toFile()));
  }

  // canon writes for each document, by line: base64 of its canonical form, or the
  // error. A document whose name ends in .part has an element with the attribute
  // part; its value is the prefix list with which the subtree is written.
  static void canon(String dir) throws Exception {
    StringBuilder out = new StringBuilder();
    for (int i = 0; Files.exists(Path.of(dir, "d" + i)); i++) {
      try {
        Document doc = parse(Files.readAllBytes(Path.of(dir, "d" + i)));
        Node node = doc;
        String list = "";
        NodeList all = doc.getElementsByTagName("*");
        for (int j = 0; j < all.getLength(); j++) {
          Element e = (Element) all.item(j);
          if (e.hasAttribute("part")) {
            node = e;
            list = e.getAttribute("part");
            break;
          }
        }
        Canonicalizer c = Canonicalizer.getInstance(Canonicalizer.ALGO_ID_C14N_EXCL_OMIT_COMMENTS);
        ByteArrayOutputStream b = new ByteArrayOutputStream();
        c.canonicalizeSubtree(node, list, b);
        out.append(Base64.getEncoder().encodeToString(b.toByteArray())).append('\n');
      } catch (Exception e) {
        out.append("!").append(e.toString().replace('\n', ' ').replace('\r', ' ')).append('\n');
      }
    }
    Files.write(Path.of(dir, "answers"), out.toString().getBytes(StandardCharsets.UTF_8));
  }

  // main reads one job a line, its words separated by tabs.
  public static void main(String[] args) throws Exception {
    com.sun.org.apache.xml.internal.security.Init.init();
    for (String line : Files.readAllLines(Path.of(args[0]))) {
      String[] job = line.split("\t", -1);
      switch (job[0]) {
        case "verify": // certificate, file
          Files.writeString(Path.of(job[2] + ".answer"), verify(certificate(job[1]), job[2]));
          break;
        case "sign": // key type, key, certificate, method, prefix, file
          PrivateKey key = KeyFactory.getInstance(job[1]).generatePrivate(new PKCS8EncodedKeySpec(pem(job[2])));
          sign(key, certificate(job[3]), job[4], job[5], job[6]);
          break;
        case "canon": // directory
          canon(job[1]);
          break;
      }
    }
  }
}
