package office

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

// Kinds of para.
const (
	Note  = "note"
	Order = "order" // the para a case is decided with
)

// longest is the most characters of a para; what is longer belongs on the
// correspondence side.
const longest = 4000

// Para is one signed para of the noting side.
type Para struct {
	File      string
	N         int64
	Kind      string
	Post      string
	Charge    string
	Person    string // pseudonym of the one in charge of the post then
	Body      string
	At        time.Time
	Previous  []byte // digest of the para before
	Digest    []byte
	Key       string
	Signature []byte
}

// Canonical is the bytes a para's digest and signature are made over: a tag and
// a JSON object with its members in this order, the text in Unicode form NFC.
func (p Para) Canonical(number string) ([]byte, error) {
	body, err := json.Marshal(struct {
		File     string `json:"file"`
		Number   string `json:"number"`
		N        int64  `json:"para"`
		Kind     string `json:"kind"`
		Post     string `json:"post"`
		Charge   string `json:"charge"`
		Person   string `json:"person"`
		At       int64  `json:"at"`
		Text     string `json:"text"`
		Previous string `json:"previous"`
	}{p.File, number, p.N, p.Kind, p.Post, p.Charge, p.Person, store.Micros(p.At), norm.NFC.String(p.Body), hex.EncodeToString(p.Previous)})
	if err != nil {
		return nil, fmt.Errorf("write para: %w", err)
	}
	return append([]byte("sarai/office/para/v1\n"), body...), nil
}

// first is what stands for the para before the first one.
func first(number string) []byte {
	d := sha256.Sum256([]byte("sarai/office/file/v1\n" + number))
	return d[:]
}

const paraColumns = `file, n, kind, post, charge, person, body, at, previous, digest, key, signature`

func scanPara(scan store.Scan) (p Para, err error) {
	var at int64
	err = scan(&p.File, &p.N, &p.Kind, &p.Post, &p.Charge, &p.Person, &p.Body, &at, &p.Previous, &p.Digest, &p.Key, &p.Signature)
	p.At = store.Time(at)
	return p, err
}

func paras(tx *store.Tx, file string) ([]Para, error) {
	return store.List(tx, scanPara, `select `+paraColumns+` from office_para where file = $1 order by n`, file)
}

// Draft is what a post is writing.
type Draft struct {
	Body string
	At   time.Time
}

func draft(tx *store.Tx, file, post string) (Draft, error) {
	d, err := store.Get(tx, func(scan store.Scan) (d Draft, err error) {
		var at int64
		err = scan(&d.Body, &at)
		d.At = store.Time(at)
		return d, err
	}, `select body, at from office_draft where file = $1 and post = $2`, file, post)
	if fault.Is(err, fault.NotFound) {
		return Draft{}, nil
	}
	return d, err
}

// SaveDraft keeps what the holder is writing as para n. n is the number the
// draft had when it was begun: if that para is signed by now, this is an
// attempt to alter it, which is refused and told.
func (r *Room) SaveDraft(ctx context.Context, p gate.Permit[File], n int64, body string) error {
	body, err := clean(body)
	if err != nil {
		return err
	}
	f, post := p.Resource(), p.Who().Acting
	altered := false
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		altered = false
		now, err := store.Get(tx, scanFile, `select `+fileColumns+` from office_file where id = $1 for update`, f.ID)
		if err != nil {
			return err
		}
		if n != 0 && n <= now.Paras {
			altered = true
			tx.Emit(store.Event{Type: EventAlterationRefused, Version: 1, Subject: f.EventSubject(), Actor: p.Who().Actor(), Data: AlterationRefused{
				File: f.ID, Number: f.Number, Office: f.Office, Para: n, Post: post.ID,
			}})
			return nil
		}
		if now.Holder != post.ID || now.State != Open {
			return fault.New(fault.Conflict, "office.file.moved-on")
		}
		_, err = tx.Exec(`insert into office_draft (file, post, body, at) values ($1, $2, $3, $4)
			on conflict (file, post) do update set body = excluded.body, at = excluded.at`, f.ID, post.ID, body, tx.Now())
		return err
	})
	if err == nil && altered {
		return fault.New(fault.Conflict, "office.note.signed", "n", strconv.FormatInt(n, 10))
	}
	return err
}

func clean(body string) (string, error) {
	body = plain(body)
	if body == "" {
		return "", fault.New(fault.Invalid, "office.note.empty").At("body", "office.note.empty")
	}
	if got := utf8.RuneCountInString(body); got > longest {
		return "", fault.New(fault.Invalid, "office.note.long").At("body", "office.note.long", "most", strconv.Itoa(longest), "got", strconv.Itoa(got))
	}
	return body, nil
}

// plain gives text without what could make it read differently from how it is
// stored: controls, and marks that override the direction of what follows.
func plain(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r == 0xFEFF:
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(norm.NFC.String(s))
}

// tries is how often signing begins again when the file changed meanwhile.
const tries = 3

// Sign signs the draft of the post acted in as the file's next para.
func (r *Room) Sign(ctx context.Context, p gate.Permit[File]) (Para, error) {
	for i := 1; ; i++ {
		para, err := r.sign(ctx, p)
		if i == tries || !fault.Is(err, fault.Conflict) || fault.As(err).Key != "office.file.changed" {
			return para, err
		}
	}
}

func (r *Room) sign(ctx context.Context, p gate.Permit[File]) (Para, error) {
	f, post := p.Resource(), p.Who().Acting
	var d Draft
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		d, err = draft(tx, f.ID, post.ID)
		return err
	})
	if err != nil {
		return Para{}, err
	}
	if d.Body == "" {
		return Para{}, fault.New(fault.Invalid, "office.note.empty").At("body", "office.note.empty")
	}
	para, err := r.prepare(ctx, p, Note, d.Body)
	if err != nil {
		return Para{}, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		now, err := draft(tx, f.ID, post.ID)
		if err != nil {
			return err
		}
		if now.Body != d.Body {
			return fault.New(fault.Conflict, "office.file.changed")
		}
		if err := appendPara(tx, f, para, p.Who().Actor()); err != nil {
			return err
		}
		n, err := tx.Exec(`update office_file set paras = $3 where id = $1 and paras = $3 - 1 and holder = $2 and state = 'open'`, f.ID, post.ID, para.N)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "office.file.moved-on")
		}
		return err
	})
	return para, err
}

// prepare makes and signs the next para. Keys are used outside transactions;
// appendPara then checks that it is still the next one.
func (r *Room) prepare(ctx context.Context, p gate.Permit[File], kind, body string) (Para, error) {
	f, who := p.Resource(), p.Who()
	para := Para{
		File: f.ID, N: 1, Kind: kind, Post: who.Acting.ID, Charge: who.Acting.Charge, Person: who.ID, Body: body,
		At: r.clock.Now().UTC().Truncate(time.Microsecond), Previous: first(f.Number),
	}
	if para.Charge == "" {
		para.Charge = gate.Permanent
	}
	err := r.db.View(ctx, func(tx *store.Tx) error {
		last, err := store.Get(tx, scanPara, `select `+paraColumns+` from office_para where file = $1 order by n desc limit 1`, f.ID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		para.N, para.Previous = last.N+1, last.Digest
		return err
	})
	if err != nil {
		return para, err
	}
	key, err := r.keys.Signer(ctx, purposeNote)
	if err != nil {
		return para, fmt.Errorf("sign para: %w", err)
	}
	return para, para.sign(key, f.Number)
}

// sign fills in digest, key and signature.
func (para *Para) sign(key *keys.Key, number string) error {
	text, err := para.Canonical(number)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(text)
	para.Digest, para.Key = digest[:], key.ID
	if para.Signature, err = key.SignMessage(nil, text, nil); err != nil {
		return fmt.Errorf("sign para: %w", err)
	}
	return nil
}

// appendPara writes a para if it is still the next one of its file.
func appendPara(tx *store.Tx, f File, para Para, actor string) error {
	last, err := store.Get(tx, scanPara, `select `+paraColumns+` from office_para where file = $1 order by n desc limit 1 for update`, f.ID)
	previous := last.Digest
	if fault.Is(err, fault.NotFound) {
		previous, err = first(f.Number), nil
	}
	if err != nil {
		return err
	}
	if last.N+1 != para.N || !bytes.Equal(previous, para.Previous) {
		return fault.New(fault.Conflict, "office.file.changed")
	}
	_, err = tx.Exec(`insert into office_para (`+paraColumns+`) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
		para.File, para.N, para.Kind, para.Post, para.Charge, para.Person, para.Body, para.At, para.Previous, para.Digest, para.Key, para.Signature)
	if store.IsUnique(err) {
		return fault.New(fault.Conflict, "office.file.changed").Because(err)
	}
	if err != nil {
		return fmt.Errorf("write para: %w", err)
	}
	if _, err := tx.Exec(`delete from office_draft where file = $1 and post = $2`, f.ID, para.Post); err != nil {
		return fmt.Errorf("clear draft: %w", err)
	}
	tx.Emit(store.Event{Type: EventNoteSigned, Version: 1, Subject: f.EventSubject(), Actor: actor, Data: NoteSigned{
		File: f.ID, Number: f.Number, Office: f.Office, Para: para.N, Kind: para.Kind, Post: para.Post, Charge: para.Charge,
		Digest: hex.EncodeToString(para.Digest), Key: para.Key,
	}})
	return nil
}
