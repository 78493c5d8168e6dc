package services

import (
	"context"
	"time"

	"sarai/courtyard/store"
)

// Wants is what this room needs from others; house gives it.
type Wants struct {
	People      People
	Fees        Fees
	Office      Office
	Printer     Printer
	Credentials Credentials
	Log         Log
}

// People is the register of persons. Facts records who asked for what, why and
// by which law; the person sees it.
type People interface {
	Facts(ctx context.Context, ask FactAsk) (map[string]Fact, error)
	Name(ctx context.Context, subject string) (en, ur string, err error)
}

// FactAsk names what is asked about a person. Facts are named as in the
// services' files: name, father_name, birth_date, national_number, district,
// address, phone.
type FactAsk struct {
	Subject string // pseudonym
	Names   []string
	Purpose string // one line the person reads later
	Basis   string // the law
	Actor   string // who asks: gate.Principal.Actor()
}

// Fact is one answer of the register. Dates are 2001-04-17, telephone numbers
// E.164, districts their id or English name.
type Fact struct {
	Value   string
	ValueUr string // the Urdu form, where there is one
	Source  string // the register's name for people
	At      time.Time
}

// Fees asks a person for money. The page is /pay/{fee}; a paid fee is told by
// the event payments.fee.paid {fee, key}.
type Fees interface {
	Ask(tx *store.Tx, q FeeRequest) (feeID string, err error)
}

// FeeRequest is one fee. The same Key asks for the same fee. Once a fee of a
// cause is paid, its other fees are ended and asking again gives the paid one.
type FeeRequest struct {
	Key      string
	Cause    string // of all fees of one cause one is paid at most
	Subject  string // who is to pay
	Payee    string // office or post of the fee account
	Amount   int64  // minor units
	Currency string // ISO 4217
	Purpose  string // what the payer reads
	Expires  time.Time
	Page     string // where the payer goes on
}

// Office takes an application in as a file.
type Office interface {
	Receive(tx *store.Tx, in Intake) (fileID, diaryNo string, err error)
	// Reason is what the decision about an application gives as its reason to
	// the applicant; no event carries it.
	Reason(tx *store.Tx, application string) (string, error)
}

// Intake is an application on its way to an office. The same Key is received
// once. The office tells the end by office.case.decided {application, outcome
// approved or refused, grounds, post}, and each movement by office.file.moved
// {application, from, to}.
type Intake struct {
	Key         string
	Office      string // office id
	Service     string
	Application string
	Applicant   string // pseudonym
	Subject     Text   // line of the file
	Papers      []Paper
	Route       []string // posts in order; the first diarises, the last decides
	Due         time.Time
}

// Paper is one document of an intake.
type Paper struct {
	Title     Text
	MediaType string
	Body      []byte
}

// Printer makes certificates: a PDF, signed, with both languages.
type Printer interface {
	Certificate(ctx context.Context, t CertificateText) (pdf []byte, err error)
}

// CertificateText is what stands on a certificate.
type CertificateText struct {
	Number    string
	Title     Text
	Office    Text
	Statement Text
	Rows      []CertificateRow
	Law       Text
	Remark    Text // validity
	Post      string
	Issued    time.Time
	VerifyURL string
	Source    []byte // JSON, embedded in the file
}

// CertificateRow is one line of a certificate.
type CertificateRow struct{ Label, Value Text }

// Credentials offers a credential to the person's wallet. The same Key is the
// same offer; the page is /credentials/offer/{offer}.
type Credentials interface {
	Offer(tx *store.Tx, o CredentialOffer) (offerID string, err error)
}

// CredentialOffer is a credential ready to be fetched.
type CredentialOffer struct {
	Key     string
	Subject string
	Type    string
	Claims  map[string]any
}

// Log proves that an event is in the public log.
type Log interface {
	Receipt(ctx context.Context, eventID string) ([]byte, error)
}
