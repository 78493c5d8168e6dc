package office_test

import (
	"fmt"
	"time"

	"sarai/rooms/office"
)

// What is signed when an officer signs a para: a line that names the form, and
// an object that names the file, the post, the charge and the para before.
// Anybody who has the public key can make it again and check the signature.
func ExamplePara_Canonical() {
	p := office.Para{
		File: "01a1fe0c", N: 2, Kind: office.Note, Post: "icta.dc.ac", Charge: "permanent", Person: "p-7", Body: "Agreed.",
		At: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), Previous: []byte{0xab, 0xcd},
	}
	text, err := p.Canonical("DC-ICT/DOMICILE/2026/00017")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(text))
	// Output:
	// sarai/office/para/v1
	// {"file":"01a1fe0c","number":"DC-ICT/DOMICILE/2026/00017","para":2,"kind":"note","post":"icta.dc.ac","charge":"permanent","person":"p-7","at":1795251600000000,"text":"Agreed.","previous":"abcd"}
}
