package country_test

import (
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"sarai/courtyard/country"
)

// A pack says how a nation writes and works; a broken one says where.
func ExampleLoad() {
	p, err := country.Builtin("pk")
	if err != nil {
		panic(err)
	}
	n, _ := p.NationalNumber.Parse("۶۹۹۰۱-۴۱۸۲۷۳۶-۴")
	friday := time.Date(2026, 11, 20, 12, 0, 0, 0, p.Zone)
	fmt.Println(n, n.Sex(), p.Currency.Code, p.Currency.Digits(125000))
	fmt.Println("five working days after a Friday:", p.Calendar.AddDays(friday, 5).In(p.Zone).Format("Monday 2 January 15:04"))

	_, err = country.Load(fstest.MapFS{"pack.yaml": {Data: []byte("code: pk\nnames: {en: Pakistan}\ncapital: Islamabad\n")}})
	fmt.Println(strings.Contains(err.Error(), `pack.yaml:1: key "languages" is missing`), strings.Contains(err.Error(), "pack.yaml:3: unknown key"))
	// Output:
	// 69901-4182736-4 female PKR 1,250.00
	// five working days after a Friday: Friday 27 November 17:00
	// true true
}
