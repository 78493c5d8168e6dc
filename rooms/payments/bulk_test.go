package payments_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
)

var (
	rubina = gate.Principal{Kind: gate.Official, ID: "rubina", Acting: gate.Post{ID: "bisp.payments", Office: "bisp"}}
	tariq  = gate.Principal{Kind: gate.Official, ID: "tariq", Acting: gate.Post{ID: "bisp.accounts", Office: "bisp"}}
	aftab  = gate.Principal{Kind: gate.Official, ID: "aftab", Acting: gate.Post{ID: "bisp.director", Office: "bisp"}}
)

// TestBulk tells the stories of files of payments in a village on both engines.
func TestBulk(t *testing.T) {
	t.Parallel()
	var room *payments.Room
	var trouble *payments.TestLedger
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		if room, err = payments.New(c, payments.Wants{Payer: names{}}); err == nil {
			trouble = room.Trouble()
		}
		return err
	}, func(t *testing.T, court *courttest.Court) {
		check(t, room.Seed(context.Background(), court.Pack.Demo(7, country.DemoVillage), func(key string) string { return "s-" + key }))
		for _, story := range []struct {
			name string
			tell func(t *testing.T, v *village)
		}{
			{"three persons pay a village", threePersonsPayAVillage},
			{"a file with mistakes pays the others", aFileWithMistakesPaysTheOthers},
			{"the same twice pays nobody twice", theSameTwicePaysNobodyTwice},
			{"bad files leave no trace", badFilesLeaveNoTrace},
			{"one person cannot do it alone", onePersonCannotDoItAlone},
			{"an answer that is lost is found again", anAnswerThatIsLostIsFoundAgain},
			{"a message of ISO 20022", aMessageOfISO20022},
			{"officials at their pages", officialsAtTheirPages},
			{"money runs out and the remainder is paid later", moneyRunsOut},
		} {
			t.Run(story.name, func(t *testing.T) {
				story.tell(t, &village{Court: court, room: room, trouble: trouble, t: t, demo: court.Pack.Demo(7, country.DemoVillage)})
			})
		}
	})
}

type village struct {
	*courttest.Court
	room    *payments.Room
	trouble *payments.TestLedger
	t       *testing.T
	demo    *country.Demo
}

// csv writes a file for citizens from..to with an amount in rupees.
func (v *village) csv(from, to int, rupees string) string {
	var b strings.Builder
	b.WriteString("reference,iban,amount\r\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "H%04d,%s,%s\r\n", i, v.demo.Citizens[i].IBAN, rupees)
	}
	return b.String()
}

// take hands in a file as rubina.
func (v *village) take(program, period, text string, lines, total int64) (int64, error) {
	v.t.Helper()
	src, err := payments.NewBulkCSV(strings.NewReader(text), 2)
	if err != nil {
		return 0, err
	}
	return v.room.TakeBulk(context.Background(), payments.BulkIntake{Program: program, Period: period, Source: "csv", Name: "file.csv",
		Digest: func() [32]byte { return sha256.Sum256([]byte(text)) }, Lines: lines, Total: total, Maker: rubina}, src)
}

// until waits for a state.
func (v *village) until(no int64, state payments.BulkState) *payments.Bulk {
	v.t.Helper()
	return v.wait(no, state, 15*time.Second)
}

func (v *village) wait(no int64, state payments.BulkState, most time.Duration) *payments.Bulk {
	v.t.Helper()
	for end := time.Now().Add(most); ; time.Sleep(5 * time.Millisecond) {
		b, err := v.room.Bulk(context.Background(), no)
		check(v.t, err)
		if b.State == state {
			return b
		}
		if time.Now().After(end) {
			v.t.Fatalf("file %d is %s, not %s", no, b.State, state)
		}
	}
}

// pay leads a file from the validation to its end.
func (v *village) pay(no int64) *payments.Bulk {
	v.t.Helper()
	v.until(no, payments.BulkValidated)
	check(v.t, v.room.CheckBulk(context.Background(), tariq, no))
	check(v.t, v.room.ReleaseBulk(context.Background(), aftab, no))
	return v.until(no, payments.BulkDone)
}

func (v *village) balance(account string) (n int64) {
	v.t.Helper()
	check(v.t, v.room.Settled())
	check(v.t, v.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select balance from payments_balance where id = $1", account).Scan(&n)
	}))
	return n
}

func (v *village) count(sql string, args ...any) (n int64) {
	v.t.Helper()
	check(v.t, v.room.Settled())
	check(v.t, v.DB.View(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(sql, args...).Scan(&n) }))
	return n
}

// counted holds a file's counters against its lines.
func (v *village) counted(no int64) {
	v.t.Helper()
	bad := v.count(`select count(*) from payments_bulk b where no = $1 and (
		paid <> (select count(*) from payments_bulk_line where id / 16777216 = b.no and state = 3) or
		failed <> (select count(*) from payments_bulk_line where id / 16777216 = b.no and state = 4) or
		paid_total <> (select coalesce(sum(amount), 0) from payments_bulk_line where id / 16777216 = b.no and state = 3) or
		good <> (select count(*) from payments_bulk_line where id / 16777216 = b.no and state in (1, 3, 4)))`, no)
	if bad != 0 {
		v.t.Errorf("the counters of file %d are not those of its lines", no)
	}
}

func threePersonsPayAVillage(t *testing.T, v *village) {
	ayesha, program := "person-"+v.demo.Citizens[0].Key, "program-kafaalat-PKR"
	before, budget := v.balance(ayesha), v.balance(program)
	no, err := v.take("kafaalat", "2026-10", "\xef\xbb\xbf"+v.csv(0, 40, "1250.50"), 40, 40*125050)
	check(t, err)
	b := v.pay(no)
	if b.Paid != 40 || b.PaidTotal != 40*125050 || b.Failed != 0 || b.Bad() != 0 {
		t.Fatalf("%+v", b)
	}
	if got := v.balance(ayesha) - before; got != 125050 {
		t.Errorf("ayesha got %d", got)
	}
	if got := budget - v.balance(program); got != 40*125050 {
		t.Errorf("the program paid %d", got)
	}
	v.counted(no)
	mine, err := v.room.SupportOf(context.Background(), []string{ayesha})
	check(t, err)
	if len(mine) != 1 || mine[0].Amount != 125050 || mine[0].Credited.IsZero() || mine[0].Credited.Before(mine[0].Released) {
		t.Errorf("what ayesha sees: %+v", mine)
	}
}

func aFileWithMistakesPaysTheOthers(t *testing.T, v *village) {
	c := v.demo.Citizens
	var text bytes.Buffer
	text.WriteString("name,amount,iban,mobile,cnic,reference\n")
	line := func(name, amount, iban, mobile, number string) {
		fmt.Fprintf(&text, "%s,%s,%s,%s,%s,\n", name, amount, iban, mobile, number)
	}
	line(c[0].Name.In("en"), "100", string(c[0].IBAN), "", "")     // good
	line("Somebody Else", "100", string(c[1].IBAN), "", "")        // BE01
	line("", "100", "PK36SCBL0000001123456702", "", "")            // AC03
	line("", "100", "", "hello", "")                               // AC01
	line("", "100", "", string(c[4].Phone), "")                    // good
	line(c[5].Name.In("ur"), "100", "", "", c[5].Number)           // good
	line("", "100", string(c[0].IBAN), "", "")                     // AM05
	line("", "50001", string(c[6].IBAN), "", "")                   // AM02
	line("", "100", v.iban("program-kafaalat-PKR"), "", "")        // AG01
	line("", "100.00", strings.ToLower(string(c[7].IBAN)), "", "") // good
	no, err := v.take("kafaalat", "2026-11", text.String(), 10, 9*10000+5000100)
	check(t, err)
	b := v.until(no, payments.BulkValidated)
	if b.Good != 4 || b.GoodTotal != 40000 || b.Bad() != 6 {
		t.Fatalf("%+v", b)
	}
	v.pay(no)
	rest, err := v.room.Remainder(context.Background(), no, 0, 100)
	check(t, err)
	var got []string
	for _, l := range rest {
		got = append(got, fmt.Sprint(l.Line, l.Reason))
	}
	if want := "2 BE01 3 AC03 4 AC01 7 AM05 8 AM02 9 AG01"; strings.Join(got, " ") != strings.ReplaceAll(want, " ", " ") && strings.Join(got, " ") != "2BE01 3AC03 4AC01 7AM05 8AM02 9AG01" {
		t.Errorf("remainder: %v", got)
	}
	v.counted(no)
}

func (v *village) iban(account string) (s string) {
	check(v.t, v.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select iban from payments_account where id = $1", account).Scan(&s)
	}))
	return s
}

func theSameTwicePaysNobodyTwice(t *testing.T, v *village) {
	text := v.csv(10, 20, "300")
	no, err := v.take("taleem", "2026-11", text, 10, 300000)
	check(t, err)
	_, err = v.take("taleem", "2026-11", text, 10, 300000)
	if !fault.Is(err, fault.Conflict) {
		t.Fatalf("the same file again: %v", err)
	}
	v.pay(no)
	before := v.balance("program-taleem-PKR")
	// The same people in another file of the period, and some new ones.
	again, err := v.take("taleem", "2026-11", v.csv(15, 25, "301"), 10, 301000)
	check(t, err)
	b := v.pay(again)
	if b.Paid != 5 || b.Bad() != 5 {
		t.Fatalf("%+v", b)
	}
	if got := before - v.balance("program-taleem-PKR"); got != 5*30100 {
		t.Errorf("paid %d", got)
	}
	// In the next period everybody is paid anew, by the same bytes.
	next, err := v.take("taleem", "2026-12", text, 10, 300000)
	check(t, err)
	if b := v.pay(next); b.Paid != 10 {
		t.Errorf("%+v", b)
	}
	// A file that was cancelled claims nobody.
	gone, err := v.take("taleem", "2027-01", text, 10, 300000)
	check(t, err)
	v.until(gone, payments.BulkValidated)
	check(t, v.room.CancelBulk(context.Background(), rubina, gone, "wrong list"))
	anew, err := v.take("taleem", "2027-01", text, 10, 300000)
	check(t, err)
	if b := v.pay(anew); b.Paid != 10 {
		t.Errorf("%+v", b)
	}
}

func badFilesLeaveNoTrace(t *testing.T, v *village) {
	files, lines := v.count("select count(*) from payments_bulk"), v.count("select count(*) from payments_bulk_line")
	iban := string(v.demo.Citizens[0].IBAN)
	for text, key := range map[string]string{
		"":                                        "payments.bulk.csv.empty",
		"iban,amount\n":                           "payments.bulk.csv.empty",
		"iban,sum\n" + iban + ",5\n":              "payments.bulk.csv.column",
		"iban,iban,amount\n":                      "payments.bulk.csv.column",
		"name,amount\nx,5\n":                      "payments.bulk.csv.missing",
		"iban,amount\n" + iban + "\n":             "payments.bulk.csv.count",
		"iban,amount\n\"" + iban + ",5\n":         "payments.bulk.csv.quote",
		"iban,amount\n" + iban + ",۵۰۰\n":         "payments.bulk.csv.amount.urdu",
		"iban,amount\n" + iban + ",\"1,500\"\n":   "payments.bulk.csv.amount.grouped",
		"iban,amount\n" + iban + ",1e3\n":         "payments.bulk.csv.amount",
		"iban,amount\n" + iban + ",+5\n":          "payments.bulk.csv.amount",
		"iban,amount\n" + iban + ",-5\n":          "payments.bulk.csv.amount",
		"iban,amount\n" + iban + ",0.00\n":        "payments.bulk.csv.amount.nothing",
		"iban,amount\n" + iban + ",5.001\n":       "payments.bulk.csv.amount.decimals",
		"iban,amount\n" + iban + ",\n":            "payments.bulk.csv.amount.none",
		"iban,amount\n,5\n":                       "payments.bulk.csv.nobody",
		"iban,mobile,amount\n" + iban + ",0300,5": "payments.bulk.csv.twice",
		"iban,amount,name\n" + iban + ",5,\xff\n": "payments.bulk.csv.utf8",
		"iban,amount\n" + iban + ",5\n":           "payments.bulk.totals",
	} {
		_, err := v.take("kafaalat", "2027-06", text, 7, 700)
		if f := fault.As(err); f == nil || f.Key != key {
			t.Errorf("%q: %v, not %s", text, err, key)
		}
	}
	if v.count("select count(*) from payments_bulk") != files || v.count("select count(*) from payments_bulk_line") != lines {
		t.Error("a bad file left something behind")
	}
}

func onePersonCannotDoItAlone(t *testing.T, v *village) {
	ctx := context.Background()
	no, err := v.take("kafaalat", "2027-02", v.csv(0, 3, "10"), 3, 3000)
	check(t, err)
	v.until(no, payments.BulkValidated)
	if err := v.room.CheckBulk(ctx, rubina, no); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the maker checks: %v", err)
	}
	if err := v.room.ReleaseBulk(ctx, aftab, no); !fault.Is(err, fault.Conflict) {
		t.Errorf("released unchecked: %v", err)
	}
	check(t, v.room.CheckBulk(ctx, tariq, no))
	for _, who := range []gate.Principal{rubina, tariq} {
		if err := v.room.ReleaseBulk(ctx, who, no); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s releases: %v", who.ID, err)
		}
	}
	check(t, v.room.RejectBulk(ctx, aftab, no, "not this month"))
	if b := v.until(no, payments.BulkRejected); b.Paid != 0 || b.Note == "" {
		t.Errorf("%+v", b)
	}
}

func moneyRunsOut(t *testing.T, v *village) {
	ctx := context.Background()
	// The other program spends what this one was released on.
	budget := v.balance("program-taleem-PKR")
	each := budget / 12 / 100 * 100
	no, err := v.take("taleem", "2027-03", v.csv(0, 10, fmt.Sprintf("%d", each/100)), 10, 10*each)
	check(t, err)
	v.until(no, payments.BulkValidated)
	if each > 1000000 { // the program's limit for one person
		check(t, v.room.CancelBulk(ctx, rubina, no, "too much"))
		each = 1000000
		v.drain("program-taleem-PKR", 6*each)
		no, err = v.take("taleem", "2027-03", v.csv(0, 10, "10000"), 10, 10*each)
		check(t, err)
		v.until(no, payments.BulkValidated)
	}
	check(t, v.room.CheckBulk(ctx, tariq, no))
	if err := v.room.ReleaseBulk(ctx, aftab, no); !fault.Is(err, fault.Conflict) {
		t.Fatalf("released without money: %v", err)
	}
	// It is there when the file is released, and gone before all is paid.
	v.fill("program-taleem-PKR", 10*each)
	v.trouble.Hold.Store(true)
	check(t, v.room.ReleaseBulk(ctx, aftab, no))
	v.drain("program-taleem-PKR", 6*each)
	v.trouble.Hold.Store(false)
	b := v.until(no, payments.BulkDone)
	if b.Paid != 6 || b.Failed != 4 || v.balance("program-taleem-PKR") != 0 {
		t.Fatalf("%+v", b)
	}
	rest, err := v.room.Remainder(ctx, no, 0, 10)
	check(t, err)
	if len(rest) != 4 || rest[0].Reason != "AM04" || rest[0].State != "failed" {
		t.Errorf("%+v", rest)
	}
	v.counted(no)
	v.fill("program-taleem-PKR", 4*each)
	second, err := v.room.ResubmitBulk(ctx, rubina, no)
	check(t, err)
	if _, err := v.room.ResubmitBulk(ctx, rubina, no); !fault.Is(err, fault.Conflict) {
		t.Errorf("the remainder twice: %v", err)
	}
	if b := v.pay(second); b.Paid != 4 || b.Parent != no {
		t.Errorf("%+v", b)
	}
	if v.balance("program-taleem-PKR") != 0 {
		t.Error("somebody was paid twice")
	}
}

// anAnswerThatIsLostIsFoundAgain stops the payments when the ledger has decided
// and nobody has written down what: as a kill between the two would.
func anAnswerThatIsLostIsFoundAgain(t *testing.T, v *village) {
	payments.PayChunk(4)
	defer payments.PayChunk(2000)
	program := "program-kafaalat-PKR"
	budget, transfers := v.balance(program), v.count("select count(*) from payments_transfer where debit = $1", program)
	no, err := v.take("kafaalat", "2027-05", v.csv(0, 40, "25"), 40, 100000)
	check(t, err)
	v.until(no, payments.BulkValidated)
	check(t, v.room.CheckBulk(context.Background(), tariq, no))
	v.trouble.Break.Store(3)
	check(t, v.room.ReleaseBulk(context.Background(), aftab, no))
	for end := time.Now().Add(10 * time.Second); v.trouble.Lost.Load() == 0 && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // those that were on their way
	b, err := v.room.Bulk(context.Background(), no)
	check(t, err)
	moved := (budget - v.balance(program)) / 2500
	if b.State != payments.BulkPaying || b.Paid >= moved || moved >= 40 {
		t.Fatalf("%d are marked and %d are paid: %+v", b.Paid, moved, b)
	}
	v.trouble.Break.Store(0)
	for end := time.Now().Add(15 * time.Second); b.State != payments.BulkDone && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		v.Clock.Advance(100 * time.Millisecond) // the job's pause
		b, err = v.room.Bulk(context.Background(), no)
		check(t, err)
	}
	if b.State != payments.BulkDone || b.Paid != 40 || b.Failed != 0 {
		t.Fatalf("%+v", b)
	}
	if got := budget - v.balance(program); got != 100000 {
		t.Errorf("the program paid %d", got)
	}
	if got := v.count("select count(*) from payments_transfer where debit = $1", program) - transfers; got != 40 {
		t.Errorf("%d transfers", got)
	}
	v.counted(no)
}

// drain leaves a program's account with the given sum; fill brings it there.
func (v *village) drain(account string, rest int64) {
	v.t.Helper()
	v.set(account, rest)
}

func (v *village) fill(account string, sum int64) {
	v.t.Helper()
	v.set(account, sum)
}

func (v *village) set(account string, sum int64) {
	v.t.Helper()
	check(v.t, v.room.PostForTest(account, sum-v.balance(account)))
}

// aMessageOfISO20022 pays by pain.001: by IBAN, mobile and national number.
func aMessageOfISO20022(t *testing.T, v *village) {
	c := v.demo.Citizens
	message := func(count, sum, first string) string {
		var b strings.Builder
		b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn><GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-11-21T10:30:00+05:00</CreDtTm><NbOfTxs>` + count +
			`</NbOfTxs><CtrlSum>` + sum + `</CtrlSum><InitgPty><Nm>BISP</Nm></InitgPty></GrpHdr><PmtInf><PmtInfId>P-1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-11-22</Dt></ReqdExctnDt><Dbtr><Nm>BISP</Nm></Dbtr><DbtrAcct><Id><IBAN>PK62NTBK0000100000000011</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BICFI>NTBKPKKA</BICFI></FinInstnId></DbtrAgt>`)
		for i, id := range []string{`<Id><IBAN>` + string(c[40].IBAN) + `</IBAN></Id>`, `<Id><Othr><Id>0</Id></Othr></Id><Prxy><Tp><Cd>MBNO</Cd></Tp><Id>` + string(c[41].Phone) + `</Id></Prxy>`, `<Id><Othr><Id>` + c[42].Number + `</Id><SchmeNm><Prtry>NIDN</Prtry></SchmeNm></Othr></Id>`} {
			amount := "70.25"
			if i == 0 {
				amount = first
			}
			fmt.Fprintf(&b, `<CdtTrfTxInf><PmtId><EndToEndId>F-%d</EndToEndId></PmtId><Amt><InstdAmt Ccy="PKR">%s</InstdAmt></Amt><CdtrAcct>%s</CdtrAcct></CdtTrfTxInf>`, i, amount, id)
		}
		return b.String() + `</PmtInf></CstmrCdtTrfInitn></Document>`
	}
	take := func(text string) (int64, error) {
		return v.room.TakeBulk(context.Background(), payments.BulkIntake{Program: "kafaalat", Period: "2028-03", Source: "pain001", Name: "list.xml",
			Digest: func() [32]byte { return sha256.Sum256([]byte(text)) }, Lines: 3, Total: 21075, Maker: rubina}, payments.NewBulkPain(strings.NewReader(text)))
	}
	files := v.count("select count(*) from payments_bulk")
	for text, key := range map[string]string{
		message("2", "210.75", "70.25"):                              "payments.bulk.pain.count",
		message("3", "210.74", "70.25"):                              "payments.bulk.pain.sum",
		message("3", "210.75", "-70.25"):                             "payments.bulk.pain.invalid",
		message("3", "210.75", "70.251"):                             "payments.bulk.csv.amount.decimals",
		message("3", "210.75", "۷۰"):                                 "payments.bulk.pain.invalid",
		"<!DOCTYPE a>" + message("3", "210.75", "70.25")[38:]:        "payments.bulk.pain.invalid",
		message("3", "210.75", "70.25")[:900]:                        "payments.bulk.pain.invalid",
		strings.Replace(message("3", "1", "70.25"), "70.25", "0", 1): "payments.bulk.csv.amount.nothing",
	} {
		if _, err := take(text); fault.As(err) == nil || fault.As(err).Key != key {
			t.Errorf("%v, not %s", err, key)
		}
	}
	if v.count("select count(*) from payments_bulk") != files {
		t.Error("a bad message left something behind")
	}
	no, err := take(message("3", "210.75", "70.25"))
	check(t, err)
	if b := v.pay(no); b.Paid != 3 || b.PaidTotal != 21075 {
		t.Errorf("%+v", b)
	}
}
