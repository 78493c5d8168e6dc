package store

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Many runs a statement over many lines of values, given column by column: a
// []string, []*string, []int64, []bool or [][]byte each, all of one length. A nil
// *string or []byte is null. "{lines}" in the query stands for them, as in
//
//	insert into room_table (id, amount) {lines} on conflict (id) do nothing
//	with v(id, amount) as ({lines}) update room_table set amount = v.amount from v where room_table.id = v.id
//
// It gives the number of rows touched. PostgreSQL gets one array a column, which
// costs it far less to read than as many parameters; SQLite gets lists of values,
// so the statement runs once for each part of the lines: it must not depend on
// seeing them together. Nothing happens when there are no lines.
func (tx *Tx) Many(query string, columns ...any) (rows int64, err error) {
	n, err := lines(columns)
	if err != nil || n == 0 {
		return 0, err
	}
	before, after, ok := strings.Cut(query, "{lines}")
	if !ok {
		return 0, fmt.Errorf("store: no {lines} in %q", query)
	}
	if tx.Engine() == Postgres {
		var arrays strings.Builder
		for i, c := range columns {
			if i > 0 {
				arrays.WriteString(", ")
			}
			fmt.Fprintf(&arrays, "$%d::%s", i+1, arrayOf(c))
		}
		return tx.Exec(before+"select * from unnest("+arrays.String()+")"+after, columns...)
	}
	args := make([]any, 0, min(n, partSizes[0])*len(columns))
	for from := 0; from < n; {
		size := partSize(n - from)
		args = args[:0]
		for i := from; i < from+size; i++ {
			for _, c := range columns {
				args = append(args, element(c, i))
			}
		}
		touched, err := tx.Exec(before+valueLists(size, len(columns))+after, args...)
		if err != nil {
			return rows, err
		}
		rows, from = rows+touched, from+size
	}
	return rows, nil
}

// SQLite prepares a text for each length of the list; with these there are few.
var partSizes = [...]int{256, 64, 16, 4, 1}

func partSize(left int) int {
	for _, size := range partSizes {
		if left >= size {
			return size
		}
	}
	return 1
}

// lines is the common length of the columns.
func lines(columns []any) (n int, err error) {
	for i, c := range columns {
		var size int
		switch v := c.(type) {
		case []string:
			size = len(v)
			for _, s := range v {
				if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
					return 0, refused{}.fault()
				}
			}
		case []*string:
			size = len(v)
			for _, s := range v {
				if s != nil && (strings.IndexByte(*s, 0) >= 0 || !utf8.ValidString(*s)) {
					return 0, refused{}.fault()
				}
			}
		case []int64:
			size = len(v)
		case []bool:
			size = len(v)
		case [][]byte:
			size = len(v)
		default:
			return 0, fmt.Errorf("store: a column of %T", c)
		}
		if i > 0 && size != n {
			return 0, fmt.Errorf("store: column %d has %d lines, the first has %d", i+1, size, n)
		}
		n = size
	}
	return n, nil
}

func element(column any, i int) any {
	switch v := column.(type) {
	case []string:
		return v[i]
	case []*string:
		if v[i] == nil {
			return nil
		}
		return *v[i]
	case []int64:
		return v[i]
	case []bool:
		return v[i]
	case [][]byte:
		if v[i] == nil {
			return nil
		}
		return v[i]
	}
	return nil
}

func arrayOf(column any) string {
	switch column.(type) {
	case []int64:
		return "bigint[]"
	case []bool:
		return "boolean[]"
	case [][]byte:
		return "bytea[]"
	}
	return "text[]"
}

// valueLists is "values ($1, $2), ($3, $4) ...". It is made once for each shape.
func valueLists(lines, columns int) string {
	shape := [2]int{lines, columns}
	if text, ok := valueTexts.Load(shape); ok {
		return text.(string) //nolint:forcetypeassert // we put nothing else in
	}
	b := append(make([]byte, 0, 8+lines*columns*8), "values "...)
	for i := range lines {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, '(')
		for j := range columns {
			if j > 0 {
				b = append(b, ", "...)
			}
			b = strconv.AppendInt(append(b, '$'), int64(i*columns+j+1), 10)
		}
		b = append(b, ')')
	}
	valueTexts.Store(shape, string(b))
	return string(b)
}

var valueTexts sync.Map // by lines and columns: few, and all from this program's texts
