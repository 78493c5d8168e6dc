package pdf

import (
	"fmt"
	"strings"
)

// Element is a node of the structure tree (ISO 32000-1 section 14.7): what a
// screen reader reads.
type Element struct {
	doc  *Document
	ref  ref
	up   *Element
	tag  string
	lang string
	alt  string
	kids []kid
}

type kid struct {
	child *Element
	page  *Page
	mcid  int
	annot ref
}

// Child adds an element: "H1", "P", "Table", "TR", "TH", "TD", "Figure",
// "Form" ... lang may be empty when it is its parent's.
func (e *Element) Child(tag, lang string) *Element {
	c := &Element{doc: e.doc, ref: e.doc.file.reserve(), up: e, tag: tag, lang: lang}
	e.kids = append(e.kids, kid{child: c})
	return c
}

// Figure adds a figure with its alternative text.
func (e *Element) Figure(alt, lang string) *Element {
	c := e.Child("Figure", lang)
	c.alt = alt
	return c
}

// Begin makes what is drawn next the content of an element; nil makes it an
// artifact (decoration that is not read out).
func (p *Page) Begin(e *Element) {
	if e != nil && e == p.current {
		return
	}
	p.endTag()
	p.current = e
	if e == nil {
		return
	}
	id := len(p.tagged)
	p.tagged = append(p.tagged, e)
	e.kids = append(e.kids, kid{page: p, mcid: id})
	fmt.Fprintf(&p.content, "/%s <</MCID %d>> BDC\n", e.tag, id)
}

func (p *Page) endTag() {
	if p.current != nil {
		p.content.WriteString("EMC\n")
		p.current = nil
	}
}

// draw writes operators, as an artifact when no element is open.
func (p *Page) draw(ops string) {
	if p.current == nil {
		p.content.WriteString("/Artifact BMC\n" + ops + "EMC\n")
		return
	}
	p.content.WriteString(ops)
}

func (d *Document) writeTree() {
	var parents strings.Builder
	for i, p := range d.pages {
		all := make([]ref, len(p.tagged))
		for j, e := range p.tagged {
			all[j] = e.ref
		}
		fmt.Fprintf(&parents, "%d [%s] ", i, refs(all))
	}
	if d.signature != nil {
		fmt.Fprintf(&parents, "%d %s ", len(d.pages), d.signature.element.ref)
	}
	numbers := d.file.add("<< /Nums [" + strings.TrimSpace(parents.String()) + "] >>")
	d.file.set(d.tree, fmt.Sprintf("<< /Type /StructTreeRoot /K [%s] /ParentTree %s /ParentTreeNextKey %d >>", d.root.ref, numbers, len(d.pages)+1))
	d.root.write(d.tree)
}

func (e *Element) write(parent ref) {
	var k []string
	for _, c := range e.kids {
		switch {
		case c.child != nil:
			c.child.write(e.ref)
			k = append(k, c.child.ref.String())
		case c.annot != 0:
			k = append(k, fmt.Sprintf("<< /Type /OBJR /Obj %s /Pg %s >>", c.annot, c.page.ref))
		default:
			k = append(k, fmt.Sprintf("<< /Type /MCR /Pg %s /MCID %d >>", c.page.ref, c.mcid))
		}
	}
	extra := ""
	if e.lang != "" {
		extra += " /Lang " + text(e.lang)
	}
	if e.alt != "" {
		extra += " /Alt " + text(e.alt)
	}
	if e.tag == "TH" {
		extra += " /A << /O /Table /Scope /Row >>"
	}
	e.doc.file.set(e.ref, fmt.Sprintf("<< /Type /StructElem /S /%s /P %s /K [%s]%s >>", e.tag, parent, strings.Join(k, " "), extra))
}
