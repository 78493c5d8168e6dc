package keys_test

import (
	"context"
	"fmt"
	"os"

	"sarai/courtyard/keys"
	"sarai/courtyard/keys/keystest"
	"sarai/courtyard/store"
)

// A room declares what it needs when it is made; the house migrates and calls
// Ensure once; then the room asks by purpose.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + dir + "/sarai.db"})
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()
	ring, err := keys.New(db, keys.Options{Master: keystest.Master(), Authority: "CN=House CA,C=PK"})
	if err != nil {
		panic(err)
	}
	ring.Declare(keys.Purpose{Name: "office.document", Alg: keys.ES256, Subject: "CN=Deputy Commissioner,C=PK"})
	ring.Declare(keys.Purpose{Name: "identity.photo", Alg: keys.A256GCM})
	if err := db.Migrate(ctx); err != nil {
		panic(err)
	}
	if err := ring.Ensure(ctx); err != nil {
		panic(err)
	}

	k, err := ring.Signer(ctx, "office.document") // a crypto.Signer
	if err != nil {
		panic(err)
	}
	sig, err := k.JOSE([]byte("a signed text"))
	fmt.Println(k.Alg, k.State, len(sig), "bytes,", len(k.Certificates), "certificates,", err)

	sealed, err := ring.Seal(ctx, "identity.photo", []byte("portrait"), []byte("row 7"))
	if err != nil {
		panic(err)
	}
	if err := ring.Rotate(ctx, "identity.photo"); err != nil {
		panic(err)
	}
	plain, err := ring.Open(ctx, "identity.photo", sealed, []byte("row 7"))
	fmt.Printf("%s %v\n", plain, err)
	// Output:
	// ES256 active 64 bytes, 2 certificates, <nil>
	// portrait <nil>
}
