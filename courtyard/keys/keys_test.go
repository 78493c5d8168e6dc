package keys_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/mldsa"

	"sarai/courtyard/fault"
	"sarai/courtyard/keys"
	"sarai/courtyard/keys/keystest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func open(t *testing.T, db *store.DB, want ...keys.Purpose) *keys.Ring {
	t.Helper()
	r, err := keys.New(db, keys.Options{Master: keystest.Master(), Provider: keystest.Provider(), Fresh: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range want {
		r.Declare(p)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func verify(t *testing.T, k *keys.Key, message, sig []byte) bool {
	t.Helper()
	d := sha256.Sum256(message)
	switch pub := k.Public().(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(pub, d[:], sig)
	case ed25519.PublicKey:
		return ed25519.Verify(pub, message, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, d[:], sig) == nil
	case *mldsa.PublicKey:
		return mldsa.Verify(pub, message, sig, nil) == nil
	}
	t.Fatalf("unknown public key %T", k.Public())
	return false
}

func TestEveryAlgorithmSignsAndOnlyItsOwnMessageVerifies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var want []keys.Purpose
		for _, a := range []keys.Alg{keys.ES256, keys.EdDSA, keys.RS256, keys.MLDSA44} {
			want = append(want, keys.Purpose{Name: "test." + strings.ToLower(string(a)), Alg: a})
		}
		r := open(t, db, want...)
		for _, p := range want {
			k, err := r.Signer(t.Context(), p.Name)
			if err != nil {
				t.Fatal(err)
			}
			msg := []byte("a note on file 7")
			sig, err := k.SignMessage(nil, msg, nil)
			if err != nil {
				t.Fatalf("%s: %v", p.Alg, err)
			}
			if !verify(t, k, msg, sig) || verify(t, k, []byte("a note on file 8"), sig) {
				t.Fatalf("%s signature does not bind the message", p.Alg)
			}
			jose, err := k.JOSE(msg)
			if err != nil {
				t.Fatal(err)
			}
			if p.Alg == keys.ES256 {
				d := sha256.Sum256(msg)
				if len(jose) != 64 || !ecdsa.Verify(k.Public().(*ecdsa.PublicKey), d[:], new(big.Int).SetBytes(jose[:32]), new(big.Int).SetBytes(jose[32:])) {
					t.Fatal("JOSE form of ECDSA is not r and s")
				}
			}
			pub, err := r.Public(t.Context(), p.Name)
			if err != nil || len(pub) != 1 {
				t.Fatalf("public: %v %v", pub, err)
			}
			if _, err := pub[0].SignMessage(nil, msg, nil); err == nil {
				t.Fatal("a published key can sign")
			}
		}
	})
}

func TestAWrongDigestOrHashIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db, keys.Purpose{Name: "a", Alg: keys.ES256}, keys.Purpose{Name: "b", Alg: keys.RS256}, keys.Purpose{Name: "c", Alg: keys.EdDSA})
		d := make([]byte, 32)
		for purpose, opts := range map[string]crypto.SignerOpts{"a": crypto.SHA1, "b": &rsa.PSSOptions{Hash: crypto.SHA256}, "c": crypto.SHA256} {
			k, err := r.Signer(t.Context(), purpose)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Sign(nil, d, opts); err == nil {
				t.Fatalf("%s signed with %v", purpose, opts)
			}
		}
	})
}

func TestARotationOverlapsAndAnotherProcessSeesItSoon(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := keys.Purpose{Name: "identity.token", Alg: keys.ES256}
		here := open(t, db, p)
		there := open(t, db, p)
		first, err := there.Signer(t.Context(), p.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := here.Prepare(t.Context(), p.Name); err != nil {
			t.Fatal(err)
		}
		pub, _ := here.Public(t.Context(), p.Name)
		if len(pub) != 2 || pub[0].State != keys.Active || pub[1].State != keys.Next {
			t.Fatalf("the next key is not published beside the active one: %+v", pub)
		}
		next := pub[1].ID
		if err := here.Rotate(t.Context(), p.Name); err != nil {
			t.Fatal(err)
		}
		k, _ := here.Signer(t.Context(), p.Name)
		if k.ID != next || k.Version != 2 {
			t.Fatal("the prepared key did not become active")
		}
		deadline := time.Now().Add(3 * time.Second)
		for {
			k, err := there.Signer(t.Context(), p.Name)
			if err != nil {
				t.Fatal(err)
			}
			if k.ID == next {
				break
			}
			if k.ID != first.ID || time.Now().After(deadline) {
				t.Fatal("the other process did not see the rotation")
			}
			time.Sleep(10 * time.Millisecond)
		}
		pub, _ = there.Public(t.Context(), p.Name)
		if len(pub) != 2 || pub[1].ID != first.ID || pub[1].State != keys.Retired {
			t.Fatalf("the retired key is not published: %+v", pub)
		}
		if err := there.Revoke(t.Context(), first.ID); err != nil {
			t.Fatal(err)
		}
		if pub, _ = there.Public(t.Context(), p.Name); len(pub) != 1 {
			t.Fatal("a revoked key is still published")
		}
	})
}

func TestSealedDataStaysReadableAfterRotationAndOnlyInItsPlace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := keys.Purpose{Name: "identity.photo", Alg: keys.A256GCM}
		other := keys.Purpose{Name: "identity.number", Alg: keys.A256GCM}
		r, stale := open(t, db, p, other), open(t, db, p, other)
		old, err := r.Seal(t.Context(), p.Name, []byte("portrait"), []byte("row 1"))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Rotate(t.Context(), p.Name); err != nil {
			t.Fatal(err)
		}
		young, err := r.Seal(t.Context(), p.Name, []byte("portrait"), []byte("row 1"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(old[:17], young[:17]) {
			t.Fatal("still sealed by the retired key")
		}
		for _, s := range [][]byte{old, young} {
			for _, ring := range []*keys.Ring{r, stale} { // stale has not looked since the rotation
				if got, err := ring.Open(t.Context(), p.Name, s, []byte("row 1")); err != nil || string(got) != "portrait" {
					t.Fatalf("%q %v", got, err)
				}
			}
		}
		for i := range old {
			bad := bytes.Clone(old)
			bad[i] ^= 1
			if _, err := r.Open(t.Context(), p.Name, bad, []byte("row 1")); !fault.Is(err, fault.Invalid) {
				t.Fatalf("byte %d altered and opened: %v", i, err)
			}
		}
		if _, err := r.Open(t.Context(), p.Name, old, []byte("row 2")); !fault.Is(err, fault.Invalid) {
			t.Fatal("opened in another row")
		}
		if _, err := r.Open(t.Context(), other.Name, old, []byte("row 1")); !fault.Is(err, fault.Invalid) {
			t.Fatal("opened for another purpose")
		}
	})
}

func TestMACPartsCannotBeShiftedAndPseudonymsNeverChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db, keys.Purpose{Name: "cert.source", Alg: keys.HS256}, keys.Purpose{Name: "identity.pseudonym", Alg: keys.HS256})
		mac := func(purpose string, parts ...string) string {
			var b [][]byte
			for _, p := range parts {
				b = append(b, []byte(p))
			}
			m, err := r.MAC(t.Context(), purpose, b...)
			if err != nil {
				t.Fatal(err)
			}
			return string(m)
		}
		if mac("cert.source", "ab", "c") == mac("cert.source", "a", "bc") || mac("cert.source", "abc") == mac("cert.source", "abc", "") {
			t.Fatal("parts are not separated")
		}
		before, name := mac("cert.source", "x"), mac("identity.pseudonym", "x")
		if err := r.Rotate(t.Context(), "cert.source"); err != nil {
			t.Fatal(err)
		}
		if mac("cert.source", "x") == before {
			t.Fatal("rotation changed nothing")
		}
		if ok, err := r.CheckMAC(t.Context(), "cert.source", []byte(before), []byte("x")); err != nil || !ok {
			t.Fatalf("a MAC of before the rotation is not known any more: %v", err)
		}
		if ok, _ := r.CheckMAC(t.Context(), "cert.source", []byte(before), []byte("y")); ok {
			t.Fatal("a MAC fits other data")
		}
		if err := r.Rotate(t.Context(), "identity.pseudonym"); !fault.Is(err, fault.Conflict) {
			t.Fatalf("pseudonyms were rotated: %v", err)
		}
		if mac("identity.pseudonym", "x") != name {
			t.Fatal("a pseudonym changed")
		}
	})
}

func TestTheHouseCertifiesWithTheRightUsages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db,
			keys.Purpose{Name: "office.document", Alg: keys.RS256, Subject: `CN=Deputy Commissioner\, Islamabad,O=ضلعی انتظامیہ,C=PK`},
			keys.Purpose{Name: "office.tsa", Alg: keys.ES256, Subject: "Time of the house", Use: keys.TimeStamps})
		k, err := r.Signer(t.Context(), "office.document")
		if err != nil {
			t.Fatal(err)
		}
		if len(k.Certificates) != 2 {
			t.Fatalf("%d certificates in the chain", len(k.Certificates))
		}
		leaf, err := x509.ParseCertificate(k.Certificates[0])
		if err != nil {
			t.Fatal(err)
		}
		ca, err := x509.ParseCertificate(k.Certificates[1])
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(ca)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}); err != nil {
			t.Fatal(err)
		}
		if leaf.Subject.CommonName != "Deputy Commissioner, Islamabad" || leaf.Subject.Organization[0] != "ضلعی انتظامیہ" {
			t.Fatalf("subject is %s", leaf.Subject)
		}
		if leaf.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment || leaf.IsCA || !ca.IsCA || !ca.MaxPathLenZero ||
			ca.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || leaf.PublicKey.(*rsa.PublicKey).N.BitLen() != 3072 {
			t.Fatal("wrong usages")
		}
		if !leaf.PublicKey.(*rsa.PublicKey).Equal(k.Public()) {
			t.Fatal("certificate of another key")
		}
		tsa, err := r.Signer(t.Context(), "office.tsa")
		if err != nil {
			t.Fatal(err)
		}
		stamp, err := x509.ParseCertificate(tsa.Certificates[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(stamp.ExtKeyUsage) != 1 || stamp.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(stamp.UnknownExtKeyUsage) != 0 {
			t.Fatal("a time stamp certificate has this one usage only")
		}
		for _, e := range stamp.Extensions {
			if e.Id.String() == "2.5.29.37" && !e.Critical {
				t.Fatal("and it is critical")
			}
		}

		// Another start with another subject: the key stays, the certificate is new.
		again := open(t, db, keys.Purpose{Name: "office.document", Alg: keys.RS256, Subject: "CN=Another Office,C=PK"})
		k2, err := again.Signer(t.Context(), "office.document")
		if err != nil {
			t.Fatal(err)
		}
		leaf2, _ := x509.ParseCertificate(k2.Certificates[0])
		if k2.ID != k.ID || leaf2.Subject.CommonName != "Another Office" || leaf2.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			t.Fatal("the certificate was not issued anew")
		}
		if err := again.Rotate(t.Context(), "office.document"); err != nil {
			t.Fatal(err)
		}
		if err := again.Revoke(t.Context(), k.ID); err != nil {
			t.Fatal(err)
		}
		der, err := again.CRL(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		crl, err := x509.ParseRevocationList(der)
		if err != nil || crl.CheckSignatureFrom(ca) != nil || len(crl.RevokedCertificateEntries) != 1 || crl.RevokedCertificateEntries[0].SerialNumber.Cmp(leaf2.SerialNumber) != 0 {
			t.Fatalf("revocation list is wrong: %v", err)
		}
	})
}

func TestAWrongMasterKeyStopsTheStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := keys.Purpose{Name: "a", Alg: keys.ES256}
		right := open(t, db, p)
		other, err := keys.ParseMaster(strings.Repeat("00", 32))
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := keys.New(db, keys.Options{Master: other})
		if err != nil {
			t.Fatal(err)
		}
		wrong.Declare(p)
		err = wrong.Ensure(t.Context())
		if err == nil || !strings.Contains(err.Error(), "wrong master key") || !strings.Contains(err.Error(), keystest.Master().Fingerprint()) {
			t.Fatalf("started with the wrong key: %v", err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", other, other, other), "0000000000") {
			t.Fatal("a master key prints itself")
		}
		if err := right.Reseal(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		if err := wrong.Ensure(t.Context()); err != nil {
			t.Fatalf("the new master key does not open the ring: %v", err)
		}
		a, _ := right.Signer(t.Context(), "a")
		b, err := wrong.Signer(t.Context(), "a")
		if err != nil || a.ID != b.ID {
			t.Fatalf("resealing lost the key: %v", err)
		}
	})
}

func TestMaterialIsUnreadableAtRestAndRowsCannotBeSwapped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p, q := keys.Purpose{Name: "a", Alg: keys.HS256}, keys.Purpose{Name: "b", Alg: keys.HS256}
		open(t, db, p, q)
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`update keys_key set material = (select k.material from keys_key k where k.purpose = 'b') where purpose = 'a'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, db, p, q)
		if _, err := r.MAC(t.Context(), "a", []byte("x")); err == nil {
			t.Fatal("a key that belongs to another purpose was used")
		}
	})
}

func TestManyProcessesStartAtOnceAndAgree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		want := []keys.Purpose{{Name: "doc", Alg: keys.ES256, Subject: "Doc"}, {Name: "mac", Alg: keys.HS256}, {Name: "log", Alg: keys.EdDSA}}
		var rings []*keys.Ring
		for range 4 {
			r, err := keys.New(db, keys.Options{Master: keystest.Master()})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range want {
				r.Declare(p)
			}
			rings = append(rings, r)
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, r := range rings {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if err := r.Ensure(context.Background()); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		all, err := rings[0].List(t.Context())
		if err != nil || len(all) != 4 { // with the CA
			t.Fatalf("%d keys, %v", len(all), err)
		}
		for _, r := range rings {
			k, err := r.Signer(t.Context(), "log")
			if err != nil {
				t.Fatal(err)
			}
			first, _ := rings[0].Signer(t.Context(), "log")
			if k.ID != first.ID {
				t.Fatal("two active keys")
			}
		}
	})
}

func TestContradictionsStopTheStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		open(t, db)
		for name, want := range map[string][]keys.Purpose{
			"declared twice, differently": {{Name: "a", Alg: keys.ES256}, {Name: "a", Alg: keys.EdDSA}},
			"unknown algorithm":           {{Name: "a", Alg: "none"}},
			"must be HS256":               {{Name: "a.pseudonym", Alg: keys.ES256}},
			"no X.509 certificate":        {{Name: "a", Alg: keys.MLDSA44, Subject: "A"}},
			"has no common name":          {{Name: "a", Alg: keys.ES256, Subject: "O=A"}},
		} {
			r, err := keys.New(db, keys.Options{Master: keystest.Master()})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range want {
				r.Declare(p)
			}
			if err := r.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}

func TestTheMasterFileIsPrivateAndMadeOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	if _, err := keys.MasterFile(path, false); err == nil {
		t.Fatal("made a key although told not to")
	}
	a, err := keys.MasterFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v %v", info.Mode(), err)
	}
	b, err := keys.MasterFile(path, true)
	if err != nil || a != b {
		t.Fatalf("another key the second time: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.MasterFile(path, true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("a readable master key was taken: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad"), []byte("secret but wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.MasterFile(filepath.Join(dir, "bad"), true); err == nil || strings.Contains(err.Error(), "secret but") {
		t.Fatalf("got %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".master-*"))
	if len(left) != 0 {
		t.Fatal("temporary file left behind")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(append([]byte{1}, make([]byte, 60)...))
	db := storetest.Open(f, store.Config{URL: storetest.SQLite(f)})
	r, err := keys.New(db, keys.Options{Master: keystest.Master()})
	if err != nil {
		f.Fatal(err)
	}
	r.Declare(keys.Purpose{Name: "s", Alg: keys.A256GCM})
	if err := db.Migrate(context.Background()); err != nil {
		f.Fatal(err)
	}
	if err := r.Ensure(context.Background()); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := r.Open(context.Background(), "s", b, nil); !fault.Is(err, fault.Invalid) {
			t.Fatalf("%x: %v", b, err)
		}
	})
}
