package payments

import (
	"context"
	"crypto"
	"testing"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// FundForTest gives a participant its prefund, and a cap as high.
func (h *Hub) FundForTest(ctx context.Context, name, currency string, amount int64) error {
	settle := settlementAccount(hubBook(name), currency)
	_, err := h.room.ledger.Do(ctx, Work{Currency: currency, Actor: "test", Steps: []ledger.Step{
		{Kind: ledger.Set, Debit: settle, Currency: currency, Setting: ledger.Setting{Floor: -amount}},
		{Kind: ledger.Post, Debit: issuingAccount(currency), Credit: settle, Amount: amount, Currency: currency}}})
	return err
}

// PositionForTest is what a participant owes in the window at hand.
func (h *Hub) PositionForTest(t testing.TB, name, currency string) (position int64) {
	t.Helper()
	must(t, h.room.sequencer.Settle(context.Background(), currency))
	must(t, h.room.db.View(context.Background(), func(tx *store.Tx) (err error) {
		position, err = store.Get(tx, store.Value[int64], "select held - balance from payments_balance where id = $1", positionAccount(hubBook(name), currency))
		return err
	}))
	return position
}

// PublicForTest is the public half of the key by which the hub signs.
func (h *Hub) PublicForTest() crypto.PublicKey {
	key, err := h.room.keys.Signer(context.Background(), purposeHubSign)
	if err != nil {
		panic(err)
	}
	return key.Public()
}
