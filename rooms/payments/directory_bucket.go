package payments

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Policy is a token bucket as a rule: how large it is, how fast it fills and
// what an answer costs. All of it is data; nothing else in the room knows a
// figure.
type Policy struct {
	Name  string
	Size  int64         // tokens of a full bucket
	Every time.Duration // after which one token comes back
	Hit   int64         // what an answer costs
	Miss  int64         // what "there is none" costs
	Back  int64         // what comes back when a payment follows
	Names int64         // names of persons shown in 24 hours at most; 0: no such limit
}

// day is the time over which names are counted.
const day = 24 * time.Hour

// The policies of lookups. Those of participants have the figures of DICT
// (Banco Central do Brasil, DICT API 1.8, "Limitação de requisições"). Those of
// payers are stricter by far: there a person gets 2 tokens a minute, which is
// 2,980 names a day from one account; here 50 and one each half hour, which is
// 98. A payment gives its token back, and so that nobody buys names for a paisa
// each, no more than 99 names of persons are shown to one person in any 24
// hours, paid for or not.
var (
	PolicyPerson  = Policy{Name: "ENTRIES_READ_USER_ANTISCAN", Size: 50, Every: time.Hour / 2, Hit: 1, Miss: 20, Back: 1, Names: 99}
	PolicyCompany = Policy{Name: "ENTRIES_READ_COMPANY_ANTISCAN", Size: 200, Every: time.Hour / 10, Hit: 1, Miss: 20, Back: 1, Names: 500}
	policyMember  = Policy{Name: "ENTRIES_READ_PARTICIPANT_ANTISCAN", Hit: 1, Miss: 3, Back: 1}
)

// classes are the sizes of a participant's bucket for lookups, by class.
var classes = map[string]Policy{
	"A": ofSize(policyMember, 20_000, time.Minute/12_000),
	"B": ofSize(policyMember, 15_000, time.Minute/8_000),
	"C": ofSize(policyMember, 8_000, time.Minute/2_000),
	"D": ofSize(policyMember, 4_000, time.Minute/500),
	"E": ofSize(policyMember, 3_000, time.Minute/50),
	"F": ofSize(policyMember, 1_000, time.Minute/2),
}

// classOf is the class of a participant to which the operator gave none.
var classOf = map[string]string{"bank": "C", "wallet": "D"}

// The policies of a participant's other calls: each costs a token.
var (
	policyEntriesWrite = plainPolicy("ENTRIES_WRITE", 36_000, time.Minute/1_200)
	policyEntriesMove  = plainPolicy("ENTRIES_UPDATE", 600, time.Minute/600)
	policyClaimsRead   = plainPolicy("CLAIMS_READ", 18_000, time.Minute/600)
	policyClaimsWrite  = plainPolicy("CLAIMS_WRITE", 36_000, time.Minute/1_200)
	policyClaimsList   = plainPolicy("CLAIMS_LIST", 200, time.Minute/40)
	policySync         = plainPolicy("SYNC_VERIFICATIONS_WRITE", 50, time.Minute/10)
	policyCIDList      = plainPolicy("CIDS_LIST", 200, day/40)
	policyCIDEvents    = plainPolicy("CIDS_EVENTS_LIST", 100, time.Minute/20)
	policyCIDEntries   = plainPolicy("CIDS_ENTRIES_READ", 36_000, time.Minute/1_200)
	policyMarksRead    = plainPolicy("INFRACTION_REPORTS_READ", 18_000, time.Minute/600)
	policyMarksWrite   = plainPolicy("INFRACTION_REPORTS_WRITE", 36_000, time.Minute/1_200)
	policyMarksList    = plainPolicy("INFRACTION_REPORTS_LIST", 200, time.Minute/40)
	policyStatistics   = plainPolicy("STATISTICS_READ", 500, time.Minute/500)

	memberPolicies = []Policy{policyEntriesWrite, policyEntriesMove, policyClaimsRead, policyClaimsWrite, policyClaimsList, policySync, policyCIDList, policyCIDEvents, policyCIDEntries,
		policyMarksRead, policyMarksWrite, policyMarksList, policyStatistics}
)

// The policies of messages with one-time codes: of who asks for them, and of
// the number they go to, so that nobody's telephone is made to ring by many.
var (
	policyMessages = plainPolicy("MESSAGES_PERSON", 6, time.Hour/2)
	policyRinging  = plainPolicy("MESSAGES_NUMBER", 6, time.Hour)
)

func plainPolicy(name string, size int64, every time.Duration) Policy {
	return Policy{Name: name, Size: size, Every: every, Hit: 1, Miss: 1}
}

func ofSize(p Policy, size int64, every time.Duration) Policy {
	p.Size, p.Every = size, every
	return p
}

// Bucket is how full the bucket of a scope is.
type Bucket struct {
	Policy
	Scope   string
	Tokens  int64 // may be below zero
	counted time.Time
}

// fill adds the tokens that have come back by now. All of it is whole numbers:
// counted moves by whole tokens only, so nothing is rounded away however often
// somebody looks. A clock that was set back gives nothing and takes nothing.
func (b *Bucket) fill(now time.Time) {
	n := int64(now.Sub(b.counted) / b.Every)
	switch missing := b.Size - b.Tokens; {
	case now.Before(b.counted), n == 0 && missing > 0:
		return
	case n >= missing:
		b.Tokens, b.counted = b.Size, now // a full bucket saves no time up
		return
	}
	b.Tokens += n
	b.counted = b.counted.Add(time.Duration(n) * b.Every)
}

// spend takes tokens. The last token buys an answer of any price: the rest is a
// debt that time pays back, so a miss is never cheaper than it should be.
func (b *Bucket) spend(n int64) { b.Tokens -= n }

// giveBack returns tokens, never beyond what fits.
func (b *Bucket) giveBack(n int64) { b.Tokens = min(b.Size, b.Tokens+n) }

// wait is how long until there is a token; zero when there is one.
func (b *Bucket) wait(now time.Time) time.Duration {
	if b.Tokens > 0 {
		return 0
	}
	return max(b.counted.Add(time.Duration(1-b.Tokens)*b.Every).Sub(now), time.Second)
}

// key is what a bucket's row is known by.
func (b *Bucket) key() string { return b.Name + "\x00" + b.Scope }

// lockBuckets reads the buckets of the scopes, each by its policy, and locks
// them in one order for all.
func lockBuckets(tx *store.Tx, want ...*Bucket) error {
	list := slices.Clone(want)
	slices.SortFunc(list, func(a, b *Bucket) int { return strings.Compare(a.key(), b.key()) })
	for _, b := range list {
		found, err := b.read(tx, " for update")
		if err == nil && !found { // the first time; somebody else may be doing the same
			if _, err = tx.Exec("insert into payments_bucket (policy, scope, tokens, counted) values ($1, $2, $3, $4) on conflict (policy, scope) do nothing", b.Name, b.Scope, b.Size, store.Micros(tx.Now())); err == nil {
				_, err = b.read(tx, " for update")
			}
		}
		if err != nil {
			return fmt.Errorf("lock the bucket %s: %w", b.Name, err)
		}
	}
	return nil
}

// read reads the bucket as it is now, if it was ever used.
func (b *Bucket) read(tx *store.Tx, lock string) (found bool, err error) {
	rows, err := store.List(tx, func(scan store.Scan) (s [2]int64, err error) { return s, scan(&s[0], &s[1]) }, "select tokens, counted from payments_bucket where policy = $1 and scope = $2"+lock, b.Name, b.Scope)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	b.Tokens, b.counted = rows[0][0], store.Time(rows[0][1])
	b.fill(tx.Now())
	return true, nil
}

func saveBuckets(tx *store.Tx, list ...*Bucket) error {
	for _, b := range list {
		if _, err := tx.Exec("update payments_bucket set tokens = $3, counted = $4 where policy = $1 and scope = $2", b.Name, b.Scope, b.Tokens, store.Micros(b.counted)); err != nil {
			return err
		}
	}
	return nil
}

// take takes a token for a call of the scope, or says how long to wait. Nothing
// is written by a refusal.
func take(tx *store.Tx, p Policy, scope string) error {
	b := &Bucket{Policy: p, Scope: scope}
	if err := lockBuckets(tx, b); err != nil {
		return err
	}
	if wait := b.wait(tx.Now()); wait > 0 {
		return tooOften(tx.Context(), wait)
	}
	b.spend(p.Hit)
	return saveBuckets(tx, b)
}

// bucketState reads a bucket without locking it.
func bucketState(tx *store.Tx, p Policy, scope string) (*Bucket, error) {
	b := &Bucket{Policy: p, Scope: scope, Tokens: p.Size, counted: tx.Now()}
	_, err := b.read(tx, "")
	return b, err
}

// tooOften refuses one call too many. The wait is also in seconds, for the
// header Retry-After.
func tooOften(ctx context.Context, wait time.Duration) error {
	return fault.New(fault.Limit, "payments.directory.limit", "wait", lasting(ctx, wait), api.RetryAfter, strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
}

// lasting says how long a wait is, rather too long than too short.
func lasting(ctx context.Context, d time.Duration) string {
	if d >= 2*time.Hour {
		return web.Lasting(ctx, d+time.Hour-1)
	}
	return web.Lasting(ctx, d+time.Minute-1)
}
