// What pages can do besides, where scripts run. Everything works without it.
const d = document, body = d.body, one = (s, e = d) => e.querySelector(s), all = (s, e = d) => [...e.querySelectorAll(s)]

// Live parts: fragments replace the element with the same id, or go to the top of a list.
if (body.dataset.live) {
  const url = new URL(body.dataset.live, location), state = one('#live-state')
  let source, wait = 1000, timer
  const say = how => {
    state.className = 'live-state ' + how
    state.textContent = state.dataset[how]
    if (how === 'over') {
      const a = d.createElement('a')
      a.href = location.pathname + location.search
      a.textContent = state.dataset.anew
      state.append(' ', a)
    }
  }
  // A stream that was refused cannot say why: its address does.
  const ask = () => fetch(url, { method: 'HEAD' }).then(r => r.status > 400 && r.status < 405 ? say('over') : later(r.headers.get('retry-after')), later)
  const later = s => { clearTimeout(timer); timer = setTimeout(open, Math.max(wait, s * 1000 || 0) * (1 + Math.random())); wait = Math.min(wait * 2, 60000) }
  const put = html => {
    const t = d.createElement('template')
    t.innerHTML = html
    for (const el of [...t.content.children]) {
      const old = el.id && d.getElementById(el.id), list = d.getElementById(el.dataset.into)
      if (old) {
        const at = old.contains(d.activeElement) && d.activeElement
        old.replaceWith(el)
        if (at) (at.id && d.getElementById(at.id) || at.href && all('a', el).find(a => a.href === at.href) || el).focus()
      } else if (list) {
        list.prepend(el)
        while (list.children.length > (list.dataset.keep || 50)) list.lastElementChild.remove()
      }
    }
  }
  const open = () => {
    source = new EventSource(url)
    source.onopen = () => { wait = 1000; say('on') }
    source.addEventListener('patch', e => { url.searchParams.set('from', e.lastEventId); put(e.data) })
    source.addEventListener('reload', () => location.reload())
    source.onerror = () => {
      say('off')
      if (source.readyState === 2) ask()
    }
  }
  addEventListener('pagehide', () => { clearTimeout(timer); source.close() })
  addEventListener('pageshow', e => e.persisted && open())
  open()
}

// Keyboard shortcuts: elements say theirs in data-key; ? lists them; they can be switched off.
const box = one('#keys'), keyed = () => all('[data-key]')
const hasKeys = keyed().length > 0 || one('.desk-list a')
const isOff = () => localStorage.getItem('keys') === 'off'
const show = () => {
  const k = box.dataset, line = (key, text) => '<kbd>' + key + '</kbd><span></span>' + (texts.push(text), '')
  const texts = []
  let html = ''
  for (const e of keyed()) html += line(e.dataset.key, e.textContent.trim())
  if (one('.desk-list a')) html += line('j', k.next) + line('k', k.previous)
  html += line('?', k.help)
  box.innerHTML = '<h2></h2><div class="keys">' + html + '</div><form method="dialog"><div class="choice"><input type="checkbox" id="keys-on"><label for="keys-on"></label></div><button class="button"></button></form>'
  one('h2', box).textContent = k.title
  all('.keys span', box).forEach((e, i) => e.textContent = texts[i])
  const on = one('#keys-on')
  on.checked = !isOff()
  on.onchange = () => localStorage.setItem('keys', on.checked ? 'on' : 'off')
  one('label', box).textContent = k.on
  one('button', box).textContent = k.close
  box.showModal()
}
if (hasKeys) {
  const b = d.createElement('button')
  b.className = 'textual'
  b.textContent = box.dataset.title
  b.onclick = show
  one('footer .wrap').prepend(b)
}
d.addEventListener('keydown', e => {
  if (!hasKeys || e.ctrlKey || e.metaKey || e.altKey || box.open || isOff() || e.target.closest('input,select,textarea,[contenteditable]')) return
  if (e.key === '?') return show()
  const el = keyed().find(x => x.dataset.key === e.key)
  if (el) { e.preventDefault(); return el.matches('input,select,textarea') ? el.focus() : el.click() }
  if (e.key === 'j' || e.key === 'k') {
    const a = all('.desk-list a'), i = a.indexOf(d.activeElement)
    if (a.length) a[e.key === 'j' ? Math.min(i + 1, a.length - 1) : Math.max(i - 1, 0)].focus()
  }
})

// A file that is too large is said before it travels.
d.addEventListener('change', e => {
  const i = e.target, f = i.files && i.files[0]
  if (!i.dataset || !i.dataset.bytes) return
  const old = d.getElementById(i.id + '-error')
  if (old) old.remove()
  if (!f || f.size <= +i.dataset.bytes) return
  const p = d.createElement('p')
  p.className = 'error'
  p.id = i.id + '-error'
  p.setAttribute('role', 'alert')
  p.textContent = i.dataset.large
  i.before(p)
  i.value = ''
})

// How many characters are left.
d.addEventListener('input', e => {
  const t = e.target, p = t.dataset && t.dataset.most && one('.count', t.parentNode)
  if (p) p.textContent = [...t.value].length + ' / ' + t.dataset.most
})

// One press, one form: a second one within three seconds is ignored.
d.addEventListener('submit', e => {
  const f = e.target
  if (f.method === 'dialog') return
  if (f.sent) return e.preventDefault()
  f.sent = true
  setTimeout(() => f.sent = false, 3000)
})
