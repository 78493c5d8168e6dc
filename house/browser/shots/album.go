package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sarai/courtyard/web/webtest"
	"sarai/house"
	"sarai/house/browser"
)

// album is a folder of pictures.
type album struct {
	folder, only, langs, views string
	scale                      int

	pages []string          // in the order of the journey
	taken map[string]string // page and view -> file
	bytes int
}

// take walks the journey in a fresh country, takes the pictures and counts them on out.
func (a *album) take(ctx context.Context, out io.Writer) (err error) {
	if err := os.MkdirAll(a.folder, 0o755); err != nil { //nolint:gosec // pictures for everybody
		return err
	}
	b, err := webtest.Start(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	a.taken = map[string]string{}
	for i, lang := range strings.Split(a.langs, ",") {
		if err = a.walk(ctx, b, lang, i); err != nil {
			err = fmt.Errorf("in %s: %w", lang, err)
			break
		}
	}
	if sheet := a.sheet(); err == nil {
		err = sheet
	}
	fmt.Fprintf(out, "%d pages, %d pictures, %.1f MB in %s\n", len(a.pages), len(a.taken), float64(a.bytes)/1e6, a.folder)
	return err
}

// walk opens a fresh country and walks through it in one language.
func (a *album) walk(ctx context.Context, b *webtest.Browser, lang string, newcomer int) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	data, err := os.MkdirTemp("", "sarai-shots-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(data) }()
	h, err := house.Open(ctx, house.Config{Data: data, Addr: "localhost:0", Log: "off", Pace: -1, Demo: &house.Demo{Seed: 1}})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- h.Run(ctx) }()
	err = browser.New(browser.Options{Browser: b, Base: h.Base(), Lang: lang, Newcomer: newcomer, Look: a.picture}).Run()
	stop()
	if ended := <-served; err == nil && !errors.Is(ended, context.Canceled) {
		err = ended
	}
	return err
}

// picture takes a page in all sizes and colours.
func (a *album) picture(p *browser.Person, page string) error {
	if a.only != "" && !slices.Contains(strings.Split(a.only, ","), page) {
		return nil
	}
	if !slices.Contains(a.pages, page) {
		a.pages = append(a.pages, page)
	}
	for _, v := range webtest.Views() {
		if v.Lang != p.Lang() || !strings.Contains(v.Name, a.views) {
			continue
		}
		v.Scale = a.scale
		if err := p.Tab().Turn(v); err != nil {
			return err
		}
		png, err := p.Tab().Shot()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%02d-%s-%s.png", slices.Index(a.pages, page)+1, page, v.Name)
		if err := os.WriteFile(filepath.Join(a.folder, name), png, 0o644); err != nil { //nolint:gosec // for everybody
			return err
		}
		a.taken[page+" "+v.Name] = name
		a.bytes += len(png)
	}
	return nil
}

//go:embed sheet.html
var sheetText string

// sheet writes index.html, the contact sheet.
func (a *album) sheet() error {
	type row struct {
		Page  string
		Files []string
	}
	var rows []row
	for _, page := range a.pages {
		r := row{Page: page}
		for _, v := range webtest.Views() {
			if f := a.taken[page+" "+v.Name]; f != "" {
				r.Files = append(r.Files, f)
			}
		}
		rows = append(rows, r)
	}
	t, err := template.New("sheet").Parse(sheetText)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(a.folder, "index.html"))
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, rows), f.Close())
}
