package office

import (
	"context"
	"fmt"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// rowsWhere says, for each number of a board, which files stand behind it. $1
// is the moment it is counted from or against.
var rowsWhere = map[string]string{
	"open":    "state = 'open' and opened <= $1",
	"late":    "state = 'open' and due < $1",
	"decided": "decided >= $1",
	"recent":  "decided >= $1",
	"moved":   "id in (select file from office_movement where at >= $1)",
}

// rows are the files behind a number of a board, without their subjects: a
// board is public. One more than a page holds is read.
func (r *Room) rows(ctx context.Context, key, what string, from web.Place) (files []File, err error) {
	where, ok := rowsWhere[what]
	if !ok {
		return nil, fault.New(fault.NotFound, "office.board.none")
	}
	offices, err := r.under(key)
	if err != nil {
		return nil, err
	}
	now := r.clock.Now()
	at := now
	switch what {
	case "decided", "moved":
		at = country.DateOf(now, r.pack.Zone).In(r.pack.Zone)
	case "recent":
		at = now.AddDate(0, 0, -30)
	}
	here, args := within("office", offices, 3)
	if !from.Begin() {
		n := 3 + len(args)
		here, args = here+fmt.Sprintf(" and (due, id) > ($%d, $%d)", n, n+1), append(args, from.At, from.ID)
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		files, err = store.List(tx, scanFile, `select `+fileColumns+` from office_file where `+where+` and `+here+` order by due, id limit $2`,
			append([]any{at, pageRows + 1}, args...)...)
		return err
	})
	return files, err
}

func (r *Room) showRows(c *web.Ctx, _ gate.Permit[gate.House]) error {
	key, what := c.Path("office"), c.Path("what")
	from := c.Place()
	files, err := r.rows(c.Context(), key, what, from)
	if err != nil {
		return err
	}
	name := what
	if what == "recent" {
		name = "desks"
	}
	title := c.T("office.board." + name)
	files, t := web.Leaf(files, pageRows, "/board/"+key+"/"+what, nil, from, dueAt)
	return c.Render(web.Page{Title: title, Back: "/board/" + key, Wide: true}, r.rowsPage(title, key, r.rowsTable(c.Context(), title, files), t))
}

func (r *Room) rowsTable(ctx context.Context, title string, files []File) web.Table {
	t := web.Table{Caption: title, Hidden: true, Empty: web.T(ctx, "office.board.no-rows"), Columns: []web.Column{
		{Title: web.T(ctx, "office.receipt.file")}, {Title: web.T(ctx, "office.receipt.now")}, {Title: web.T(ctx, "office.board.state")},
		{Title: web.T(ctx, "office.board.since")}, {Title: web.T(ctx, "office.board.due")}, {Title: web.T(ctx, "office.board.desks-taken"), Numeric: true},
	}}
	for _, f := range files {
		row := web.Row{Cells: []templ.Component{
			web.Code(f.Number), web.Text(postName(ctx, r, f.Holder)), stateTag(f.State), web.When(f.Held.Truncate(time.Second)), web.When(f.Due), web.Text(web.Number(f.Moves)),
		}}
		if f.State == Open && f.Due.Before(web.Now(ctx)) {
			row.Status = "wait"
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
