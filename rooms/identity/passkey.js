// Asks the authenticator when the passkey button is pressed, and sends its
// answer as an ordinary form. Without this script the page offers other ways.
const form = document.querySelector("form[data-passkey]");
if (form && window.PublicKeyCredential) {
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  const note = form.querySelector("[data-note]");
  form.querySelector("[data-ask]").hidden = false;
  form.addEventListener("submit", async (e) => {
    if (form.credential.value) return;
    e.preventDefault();
    const o = JSON.parse(form.dataset.passkey), make = form.dataset.kind === "create";
    o.challenge = bytes(o.challenge);
    for (const k of [...(o.excludeCredentials || []), ...(o.allowCredentials || [])]) k.id = bytes(k.id);
    if (o.user) o.user.id = bytes(o.user.id);
    try {
      const c = await navigator.credentials[make ? "create" : "get"]({ publicKey: o });
      const r = { clientDataJSON: text(c.response.clientDataJSON) };
      for (const k of ["attestationObject", "authenticatorData", "signature", "userHandle"]) if (c.response[k]) r[k] = text(c.response[k]);
      if (make && c.response.getTransports) r.transports = c.response.getTransports();
      form.credential.value = JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, response: r, clientExtensionResults: {} });
      form.submit();
    } catch {
      note.hidden = false;
    }
  });
}
