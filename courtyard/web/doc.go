// Package web makes the pages of the house: one shell, one stylesheet, forms,
// sessions, languages, live screens. Rooms add routes and texts, and draw with
// the components of this package, all of which GET /style shows in the
// reader's language and light.
//
// # A page
//
//	web.Handle(site, web.Route[File]{
//		Pattern: "GET /office/file/{id}", Action: "office.file.read", Load: r.loadFile,
//		Do: func(c *web.Ctx, p gate.Permit[File]) error {
//			return c.Render(web.Page{Title: c.T("office.file.title"), Kind: "desk", Wide: true}, fileBody(p.Resource()))
//		}})
//
// The way of a request: headers, language, origin check, session, limit, the
// room's loader, the gate, the room's handler with its permit. An error the
// handler returns becomes a page in the reader's language: package fault says
// which. A handler that changed something answers with Redirect (303), and
// leaves a word for the next page with Flash.
//
// # A form
//
// FormTo(action, files) around Field, TextArea, Radios, Checkboxes, Select,
// DateField, FileField and Button. Fields find what was sent, and what was
// wrong with it, by their name; the shell draws the summary of mistakes, gives
// it the focus and puts "Error:" before the title.
//
//	f, err := c.Form()                  // c.Form(5<<20) takes files of up to 5 MB
//	if err != nil { return err }
//	name := f.Text("name", web.Required("office.name.missing"))
//	if err := f.Err(); err != nil { return c.Invalid(err, page, body) }
//	if err := r.register(…); err != nil { return c.Invalid(err, page, body) } // a fault's fields go beside theirs
//
// Input is brought into one form before anybody sees it: Unicode NFC, digits
// of either script to 0-9 where numbers are meant, edges trimmed; characters
// that reorder text (UAX 9) and control characters are refused by name.
// A file above its limit is counted, not kept. A body has 30 seconds to
// arrive, one with files two minutes and more (Sending); then it is a 408.
//
// # Components
//
// With children, as functions: RoomHead, CardBox, Notice, Panel, Empty,
// Verdict, Pay, Desk, DeskHead, DeskPanes, Actions, Details, Board, Into,
// FormTo. Without, as structs: the fields, Button, Summary, Steps, Tag, Table,
// Amount, Counter, Timeline, Clock, Bar, Line, QR, Star, Cards, Tasks,
// DeskList, Script. Small text: Bdi (names), Code (numbers and codes), When,
// A, Text. They take texts ready in the reader's language: T, N, Date, Money,
// Left, Ago, Of.
//
// # Live screens
//
// Site.Topic declares what is watched and draws what changed; Page.Live names
// it. The journal's position is the id of a frame, so a browser that comes
// again says where it stopped and misses nothing. A frame holds what happened
// within 100 ms and is drawn once for all viewers of a topic, key and
// language: fragments must show nothing that not every permitted viewer may
// see. The gate is asked when a viewer comes and every ten seconds; signing
// out closes the screens of that session in every process, and so, within those
// ten seconds, does its running out. Nothing a screen asks for keeps a session
// alive. The script learns by HEAD why it was refused and says so on the page.
//
// Options.Screens caps the screens of a session (8), of an address (64, ten
// times as many where people are signed in) and of a process (10,000). One too
// many gets 429 or 503 with Retry-After, and the page works on without.
//
// # Texts
//
// texts/en.yaml and texts/ur.yaml of each room, flat, keys beginning with the
// room's name, {placeholders}, counted texts as key.one and key.other. A value
// that runs against the language is isolated. CheckTexts reports everything in
// which the languages disagree.
//
// # Sessions
//
// Table web_session: the SHA-256 of a 256-bit token, rotated at sign-in, with
// idle and absolute ends; nothing is kept in a process. Event
// web.session.ended, however a session ended. Ctx.Visitor names an anonymous
// browser, and keeps its name when somebody signs in, for forms that can be
// left and resumed.
//
// # Look
//
// assets/sarai.css holds the tokens and every rule, in cascade layers, with
// logical properties only (a test holds it to that). All scripts together stay
// within ScriptBudget, the first view within 14 KB besides the face; everything
// works without script. Kinds of page (Page.Kind): question, desk, board.
//
// The Urdu face, assets/nastaliq.woff2, is Noto Nastaliq Urdu Regular (OFL 1.1,
// licence beside it) from npm @expo-google-fonts/noto-nastaliq-urdu 0.4.2, cut
// to the characters of Urdu by fonttools 4.38 (Debian python3-fonttools):
//
//	pyftsubset NotoNastaliqUrdu_400Regular.ttf --flavor=woff2 --layout-features='*' \
//	  --no-hinting --desubroutinize --drop-tables+=DSIG,meta --name-IDs=0,1,2,3,4,5,6,13,14 \
//	  --unicodes=0020,00A0,060C-060E,0610-0615,061B,061F,0621-063A,0640-0655,0658,0660-066C,0670,0671,0679,067E,0686,0688,0691,0698,06A9,06AF,06BA,06BE,06C0-06C3,06CC,06D2-06D5,06F0-06F9,200C,200D,2018,2019,201C,201D,FDF2,FDFA \
//	  --output-file=nastaliq.woff2
//
// Tables: web_session. Standards: WCAG 2.2 AA, RFC 9110, RFC 9457, CSP 3,
// Fetch Metadata, HTML server-sent events, UAX 9, UAX 15, ISO/IEC 18004.
package web
