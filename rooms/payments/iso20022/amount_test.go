package iso20022_test

import (
	"errors"
	"math"
	"testing"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/xsd"
)

func TestMinor(t *testing.T) {
	for _, c := range []struct {
		value, currency string
		want            int64
		err             error
	}{
		{"1250.75", "PKR", 125075, nil}, {"0", "PKR", 0, nil}, {"7", "PKR", 700, nil}, {".5", "PKR", 50, nil}, {"5.", "PKR", 500, nil}, {"007.10", "PKR", 710, nil},
		{"1.50000", "PKR", 150, nil}, {"1.505", "PKR", 0, iso20022.ErrFraction}, {"1.5", "JPY", 0, iso20022.ErrFraction}, {"1500", "JPY", 1500, nil}, {"1500.0", "JPY", 1500, nil}, {"1.234", "KWD", 1234, nil},
		{"92233720368547758.07", "PKR", math.MaxInt64, nil}, {"92233720368547758.08", "PKR", 0, iso20022.ErrRange}, {"999999999999999999", "PKR", 0, iso20022.ErrRange},
		{"+5", "PKR", 0, iso20022.ErrAmount}, {"-1", "PKR", 0, iso20022.ErrAmount}, {"-0", "PKR", 0, iso20022.ErrAmount}, {"1e3", "PKR", 0, iso20022.ErrAmount}, {"۱۲", "PKR", 0, iso20022.ErrAmount},
		{"", "PKR", 0, iso20022.ErrAmount}, {".", "PKR", 0, iso20022.ErrAmount}, {"1.2.3", "PKR", 0, iso20022.ErrAmount}, {"1,5", "PKR", 0, iso20022.ErrAmount}, {" 1", "PKR", 0, iso20022.ErrAmount},
		{"1.00x", "PKR", 0, iso20022.ErrAmount}, {"1.0.", "PKR", 0, iso20022.ErrAmount}, {"1", "XXX", 0, iso20022.ErrCurrency}, {"1", "pkr", 0, iso20022.ErrCurrency},
	} {
		got, err := iso20022.Minor(xsd.Decimal(c.value), c.currency)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s %s is %d, %v", c.value, c.currency, got, err)
		}
	}
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency string
		want     xsd.Decimal
		err      error
	}{
		{125075, "PKR", "1250.75", nil}, {5, "PKR", "0.05", nil}, {0, "PKR", "0.00", nil}, {1500, "JPY", "1500", nil}, {7, "KWD", "0.007", nil}, {12345, "CLF", "1.2345", nil},
		{999999999999999999, "PKR", "9999999999999999.99", nil}, {1000000000000000000, "PKR", "", iso20022.ErrRange}, {-1, "PKR", "", iso20022.ErrRange}, {1, "ABC", "", iso20022.ErrCurrency},
	} {
		got, err := iso20022.Amount(c.minor, c.currency)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%d %s is %s, %v", c.minor, c.currency, got, err)
		}
		if err == nil {
			if back, err := iso20022.Minor(got, c.currency); back != c.minor || err != nil {
				t.Errorf("%s back is %d, %v", got, back, err)
			}
		}
	}
	if n, ok := iso20022.Exponent("PKR"); n != 2 || !ok {
		t.Error(n, ok)
	}
}
