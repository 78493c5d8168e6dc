// Reads a payment code with the camera or from a picture, where the browser can
// (BarcodeDetector), and shares a code's picture. Pages work without it.
const scan = document.querySelector("[data-scan]"), share = document.querySelector("[data-share]");
if (scan && "BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
  const reader = new BarcodeDetector({ formats: ["qr_code"] }), video = scan.querySelector("video");
  const field = document.querySelector("[name=to]"), word = scan.querySelector("[role=status]");
  let on;
  const tell = (key) => { word.textContent = scan.dataset[key]; };
  const stop = () => { on?.getTracks().forEach((t) => t.stop()); on = 0; video.hidden = true; };
  const read = async (from) => {
    const [code] = await reader.detect(from);
    if (!code) return false;
    stop();
    field.value = code.rawValue;
    field.form.requestSubmit();
    return true;
  };
  const watch = async () => { if (on && !(await read(video).catch(() => 0))) setTimeout(watch, 150); };
  scan.querySelector("button").onclick = async () => {
    if (on) return stop();
    try {
      on = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = on;
      video.hidden = false;
      tell("on");
      await video.play();
      watch();
    } catch { stop(); tell("denied"); }
  };
  scan.querySelector("input").onchange = async (e) => {
    try { (await read(await createImageBitmap(e.target.files[0]))) || tell("none"); } catch { tell("none"); }
  };
  addEventListener("pagehide", stop);
  scan.hidden = false;
}
if (share && navigator.canShare) {
  const file = async () => new File([await (await fetch(share.dataset.share)).blob()], "code.png", { type: "image/png" });
  share.onclick = async () => { try { await navigator.share({ files: [await file()], title: share.dataset.title }); } catch {} };
  share.hidden = !navigator.canShare({ files: [new File([], "a.png", { type: "image/png" })] });
}
