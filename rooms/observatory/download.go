package observatory

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/web"
)

// mostRows is how many rows a download holds at most, the newest first.
const mostRows = 10_000

func (r *Room) historyFile(c *web.Ctx, p gate.Permit[Indicator]) error {
	i := p.Resource()
	points, err := r.History(c.Context(), i)
	if err != nil {
		return err
	}
	rows := [][]string{{"from", "figure", "counted", "good", "sum"}}
	for _, x := range points {
		rows = append(rows, []string{x.From.UTC().Format(time.RFC3339), num(x.Number), num(x.N), num(x.Good), num(x.Sum)})
	}
	return sendCSV(c, i.ID+"-history.csv", rows)
}

func (r *Room) rowsFile(c *web.Ctx, p gate.Permit[Indicator]) error {
	i := p.Resource()
	list, err := r.rows(c.Context(), i, rowPlace{}, mostRows)
	if err != nil {
		return err
	}
	rows := [][]string{{"reference", "at", "place", "value", "due", "ended", "took_us", "good", "position"}}
	for _, x := range list {
		good := ""
		if x.Good != nil {
			good = strconv.FormatBool(*x.Good)
		}
		rows = append(rows, []string{x.Reference, stamp(x.At), x.Place, num(x.Value), stamp(x.Due), stamp(x.Ended), num(x.Took.Microseconds()), good, num(x.Position)})
	}
	return sendCSV(c, i.ID+"-rows.csv", rows)
}

// sendCSV answers with comma-separated values (RFC 4180), with the mark that
// makes spreadsheets read UTF-8.
func sendCSV(c *web.Ctx, name string, rows [][]string) error {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, row := range rows {
		for n := range row {
			row[n] = inert(row[n])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return c.File(name, "text/csv; charset=utf-8", b.Bytes(), false)
}

// inert keeps a spreadsheet from taking a text for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+@\t\r", rune(s[0])) {
		return "'" + s
	}
	if len(s) > 1 && s[0] == '-' {
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			return "'" + s
		}
	}
	return s
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
