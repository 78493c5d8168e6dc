package keystest

import (
	"crypto"
	"strings"
	"sync"

	"sarai/courtyard/keys"
)

// Provider is keys.Software but for its remembered RSA keys. Never use it
// outside tests: different purposes share a key.
func Provider() keys.Provider { return provider{} }

// Master is a fixed master key.
func Master() keys.Master {
	m, err := keys.ParseMaster(strings.Repeat("5a", 32))
	if err != nil {
		panic(err)
	}
	return m
}

type provider struct{ keys.Software }

var (
	mu   sync.Mutex
	rsas [][]byte
	turn int
)

// Generate makes at most two RSA keys a process and takes turns with them, so
// that a rotation still changes the key.
func (p provider) Generate(alg keys.Alg) ([]byte, error) {
	if alg != keys.RS256 {
		return p.Software.Generate(alg)
	}
	mu.Lock()
	defer mu.Unlock()
	turn++
	if len(rsas) < 2 {
		k, err := p.Software.Generate(alg)
		if err != nil {
			return nil, err
		}
		rsas = append(rsas, k)
		return k, nil
	}
	return rsas[turn%2], nil
}

func (p provider) Signer(alg keys.Alg, handle []byte) (crypto.Signer, error) {
	return p.Software.Signer(alg, handle)
}
