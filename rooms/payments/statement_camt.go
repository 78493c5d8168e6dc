package payments

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/camt052"
	"sarai/rooms/payments/iso20022/camt053"
	"sarai/rooms/payments/iso20022/camt054"
	"sarai/rooms/payments/iso20022/component"
	"sarai/rooms/payments/iso20022/xsd"
	"sarai/rooms/payments/wire"
)

// uetrForm is a UUID of version 4, which alone may be a UETR.
var uetrForm = regexp.MustCompile(`^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$`)

// Camt053 is a page as camt.053.001.08: the statement of a window or a day that is
// over. Balances of pages within are marked as intermediate (INTM).
func (r *Room) Camt053(p StatementPage) (*camt053.Document, error) {
	if !p.Complete {
		return nil, fault.New(fault.Conflict, "payments.statement.open")
	}
	d := &camt053.Document{}
	d.BkToCstmrStmt.GrpHdr = r.statementHead(p, "053")
	balances, err := p.balances("OPBD", "CLBD")
	if err != nil {
		return nil, err
	}
	entries, summary, err := p.entries()
	if err != nil {
		return nil, err
	}
	d.BkToCstmrStmt.Stmt = []camt053.AccountStatement9{{Id: p.name("053"), StmtPgntn: p.paging(), ElctrncSeqNb: p.sequence(), CreDtTm: wire.DateTime(r.clock.Now()),
		FrToDt: p.period(), Acct: r.accountOf(p), Bal: balances, TxsSummry: summary, Ntry: entries}}
	return d, nil
}

// Camt052 is a page as camt.052.001.08: where the account stands within a window or
// a day.
func (r *Room) Camt052(p StatementPage) (*camt052.Document, error) {
	d := &camt052.Document{}
	d.BkToCstmrAcctRpt.GrpHdr = r.statementHead(p, "052")
	balances, err := p.balances("OPBD", "ITBD")
	if err != nil {
		return nil, err
	}
	entries, summary, err := p.entries()
	if err != nil {
		return nil, err
	}
	d.BkToCstmrAcctRpt.Rpt = []camt052.AccountReport25{{Id: p.name("052"), RptPgntn: p.paging(), ElctrncSeqNb: p.sequence(), CreDtTm: wire.DateTime(r.clock.Now()),
		FrToDt: p.period(), Acct: r.accountOf(p), Bal: balances, TxsSummry: summary, Ntry: entries}}
	return d, nil
}

// Camt054 notifies a participant of single movements, at once and whatever the
// model: committed payments between it and others, by their transfers. In a net
// window they are booked on its position. What is not its own is left out; NotFound
// when nothing remains.
func (r *Room) Camt054(ctx context.Context, participant string, transfers []string) (*camt054.Document, error) {
	p := StatementPage{Currency: r.pack.Currency.Code, Number: 1, Last: true, Complete: true, Banks: map[string]Participant{}}
	err := r.db.View(ctx, func(tx *store.Tx) error {
		all, err := participants(tx)
		if err != nil {
			return err
		}
		for _, one := range all {
			p.Banks[one.ID] = one
		}
		for part := range sized(unique(transfers)) {
			list, args := places(part)
			n := len(args)
			found, err := store.List(tx, scanTransfer, fmt.Sprintf("select %s from payments_transfer where id in (%s) and currency = $%d and phase = 'committed' and kind = 'transfer' and debit_book <> credit_book and $%d in (debit_book, credit_book) order by done", transferColumns, list, n+1, n+2), append(args, p.Currency, participant)...)
			if err != nil {
				return err
			}
			for _, t := range found {
				e := StatementEntry{Row: t.Done, At: t.Finished, Amount: t.Amount, Kind: entryPayment, Transfer: t.ID, Reference: t.Reference, Debtor: t.DebitBook, Creditor: t.CreditBook}
				if t.DebitBook == participant {
					e.Amount = -t.Amount
				}
				p.Entries = append(p.Entries, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.Participant = p.Banks[participant]
	if len(p.Entries) == 0 {
		return nil, fault.New(fault.NotFound, "payments.transfer.unknown")
	}
	entries, summary, err := p.entries()
	if err != nil {
		return nil, err
	}
	d := &camt054.Document{}
	d.BkToCstmrDbtCdtNtfctn.GrpHdr = component.GroupHeader81{MsgId: wire.MessageID(r.newID()), CreDtTm: wire.DateTime(r.clock.Now())}
	d.BkToCstmrDbtCdtNtfctn.Ntfctn = []camt054.AccountNotification17{{Id: d.BkToCstmrDbtCdtNtfctn.GrpHdr.MsgId, CreDtTm: d.BkToCstmrDbtCdtNtfctn.GrpHdr.CreDtTm, Acct: r.accountOf(p), TxsSummry: summary, Ntry: entries}}
	return d, nil
}

// name is what a statement is called, the same whenever it is made.
func (p StatementPage) name(message string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%d/%s", message, p.Participant.ID, p.Currency, p.Window, p.Day))
	return hex.EncodeToString(sum[:16])
}

func (r *Room) statementHead(p StatementPage, message string) component.GroupHeader81 {
	return component.GroupHeader81{MsgId: p.name(message + strconv.Itoa(p.Number)), CreDtTm: wire.DateTime(r.clock.Now()), MsgPgntn: p.paging()}
}

func (p StatementPage) paging() *component.Pagination1 {
	return &component.Pagination1{PgNb: strconv.Itoa(p.Number), LastPgInd: p.Last}
}

// sequence numbers statements of an account: the window, or the day since 1970.
func (p StatementPage) sequence() xsd.Decimal {
	n := p.Window
	if p.Day != "" {
		if day, err := time.Parse(time.DateOnly, p.Day); err == nil {
			n = day.Unix() / 86400
		}
	}
	return xsd.Decimal(strconv.FormatInt(n, 10))
}

func (p StatementPage) period() *component.DateTimePeriod1 {
	return &component.DateTimePeriod1{FrDtTm: wire.DateTime(p.From), ToDtTm: wire.DateTime(p.To)}
}

// accountOf names the settlement account: by the BIC of its owner, at the rail.
func (r *Room) accountOf(p StatementPage) component.CashAccount39 {
	return component.CashAccount39{Id: component.AccountIdentification4Choice{Othr: &component.GenericAccountIdentification1{Id: "SETTLEMENT/" + p.Participant.BIC, Issr: r.railBIC()}}, Ccy: p.Currency,
		Nm: short70(p.Participant.NameEn), Svcr: agent(r.railBIC())}
}

func short70(s string) string {
	runes := []rune(s)
	return string(runes[:min(len(runes), 70)])
}

func agent(bic string) *component.BranchAndFinancialInstitutionIdentification6 {
	return &component.BranchAndFinancialInstitutionIdentification6{FinInstnId: component.FinancialInstitutionIdentification18{BICFI: bic}}
}

// signed splits a sum into its size and its side.
func signed(minor int64, currency string) (component.ActiveOrHistoricCurrencyAndAmount, component.CreditDebitCode, error) {
	side := component.CreditDebitCodeCRDT
	if minor < 0 {
		side, minor = component.CreditDebitCodeDBIT, -minor
	}
	value, err := iso20022.Amount(minor, currency)
	return component.ActiveOrHistoricCurrencyAndAmount{Value: value, Ccy: currency}, side, err
}

func (p StatementPage) balances(opening, closing string) ([]component.CashBalance8, error) {
	out := make([]component.CashBalance8, 0, 2)
	for _, b := range []struct {
		code   string
		amount int64
		at     time.Time
		inner  bool
	}{{opening, p.Opening, p.From, p.Number > 1}, {closing, p.Closing, p.To, !p.Last}} {
		amount, side, err := signed(b.amount, p.Currency)
		if err != nil {
			return nil, err
		}
		one := component.CashBalance8{Tp: component.BalanceType13{CdOrPrtry: component.BalanceType10Choice{Cd: b.code}}, Amt: amount, CdtDbtInd: side, Dt: component.DateAndDateTime2Choice{DtTm: wire.DateTime(b.at)}}
		if b.inner {
			one.Tp.SubTp = &component.BalanceSubType1Choice{Cd: "INTM"}
		}
		out = append(out, one)
	}
	return out, nil
}

// bankCode is the bank transaction code of an entry: domain, family, sub-family of
// ISO's external list.
func bankCode(e StatementEntry) component.BankTransactionCodeStructure4 {
	code := func(domain, family, sub string) component.BankTransactionCodeStructure4 {
		return component.BankTransactionCodeStructure4{Domn: &component.BankTransactionCodeStructure5{Cd: domain, Fmly: component.BankTransactionCodeStructure6{Cd: family, SubFmlyCd: sub}}}
	}
	in := e.Amount > 0
	switch {
	case e.Kind == entryPayment && in:
		return code("PMNT", "RRCT", "DMCT") // received real-time credit transfer, domestic
	case e.Kind == entryPayment:
		return code("PMNT", "IRCT", "DMCT") // issued real-time credit transfer, domestic
	case e.Kind == entryFund && in:
		return code("CAMT", "ACCB", "TOPG") // account balancing: topping
	case e.Kind == entryFund:
		return code("CAMT", "ACCB", "SWEP") // account balancing: sweeping
	}
	c := code("CAMT", "MDOP", "OTHR") // miscellaneous debit operations
	if in {
		c = code("CAMT", "MCOP", "OTHR")
	}
	if e.Kind == entrySettlement {
		c.Prtry = &component.ProprietaryBankTransactionCodeStructure1{Cd: "NETSETTLEMENT"}
	}
	return c
}

func (p StatementPage) entries() ([]component.ReportEntry10, *component.TotalTransactions6, error) {
	out := make([]component.ReportEntry10, 0, len(p.Entries))
	var credits, debits, sum [2]int64 // count, sum
	for _, e := range p.Entries {
		amount, side, err := signed(e.Amount, p.Currency)
		if err != nil {
			return nil, nil, err
		}
		at := &component.DateAndDateTime2Choice{DtTm: wire.DateTime(e.At)}
		n := component.ReportEntry10{NtryRef: strconv.FormatInt(e.Row, 10), Amt: amount, CdtDbtInd: side, Sts: component.EntryStatus1Choice{Cd: "BOOK"}, BookgDt: at, ValDt: at,
			AcctSvcrRef: p.Currency + "-" + strconv.FormatInt(e.Row, 10), BkTxCd: bankCode(e)}
		if e.Kind == entryPayment {
			n.NtryDtls = []component.EntryDetails9{{TxDtls: []component.EntryTransaction10{p.details(e, amount, side)}}}
		}
		out = append(out, n)
		to := &credits
		if e.Amount < 0 {
			to = &debits
		}
		size := max(e.Amount, -e.Amount)
		to[0], to[1], sum[0], sum[1] = to[0]+1, to[1]+size, sum[0]+1, sum[1]+size
	}
	total := &component.TotalTransactions6{TtlNtries: &component.NumberAndSumOfTransactions4{NbOfNtries: strconv.FormatInt(sum[0], 10)}}
	for _, t := range []struct {
		of [2]int64
		to **component.NumberAndSumOfTransactions1
	}{{credits, &total.TtlCdtNtries}, {debits, &total.TtlDbtNtries}} {
		value, err := iso20022.Amount(t.of[1], p.Currency)
		if err != nil {
			return nil, nil, err
		}
		*t.to = &component.NumberAndSumOfTransactions1{NbOfNtries: strconv.FormatInt(t.of[0], 10), Sum: value}
	}
	return out, total, nil
}

func (p StatementPage) details(e StatementEntry, amount component.ActiveOrHistoricCurrencyAndAmount, side component.CreditDebitCode) component.EntryTransaction10 {
	refs := &component.TransactionReferences6{AcctSvcrRef: p.Currency + "-" + strconv.FormatInt(e.Row, 10)}
	if uetrForm.MatchString(e.Transfer) {
		refs.UETR = e.Transfer
	} else {
		refs.TxId = wire.MessageID(e.Transfer)
	}
	if n := len([]rune(e.Reference)); n > 0 && n <= 35 {
		refs.EndToEndId = e.Reference
	}
	t := component.EntryTransaction10{Refs: refs, Amt: &amount, CdtDbtInd: side}
	t.RltdAgts = &component.TransactionAgents5{DbtrAgt: agent(p.Banks[e.Debtor].BIC), CdtrAgt: agent(p.Banks[e.Creditor].BIC)}
	return t
}
