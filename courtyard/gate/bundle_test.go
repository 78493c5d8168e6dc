package gate_test

import (
	"strings"
	"testing"

	"sarai/courtyard/gate"
)

const officeSchema = `
entity OfficeFile { post: String, office: String, subject: String, secret: Bool, pages: Long, tags: Set<String> };
entity OfficeBoard;
action "office.write";
action "office.file.read" appliesTo { principal: [Official, Citizen], resource: OfficeFile };
action "office.note.write" in ["office.write"] appliesTo { principal: Official, resource: OfficeFile };
action "office.file.decide" in ["office.write", Action::"national.decide"] appliesTo { principal: Official, resource: OfficeFile };
action "office.board.see" appliesTo { principal: [Anonymous, Citizen, Official], resource: [OfficeBoard, House], context: Situation };
action "office.demo.fill" in ["national.demo"] appliesTo { principal: [Anonymous, System], resource: House };
`

const officePolicy = `
@id("office.holder-writes") @reason("office.only-the-holder")
permit (principal is Official, action in Action::"office.write", resource is OfficeFile)
when { resource.post == context.acting && principal.powers.contains("office.note") };

@id("office.holder-reads") @reason("office.only-the-office")
permit (principal is Official, action == Action::"office.file.read", resource is OfficeFile)
when { principal.offices.contains(resource.office) };

@id("office.own-file") @reason("office.only-the-applicant")
permit (principal is Citizen, action == Action::"office.file.read", resource is OfficeFile)
when { resource.subject == principal.id };

@id("office.no-secrets") @reason("office.secret")
forbid (principal, action in [Action::"office.file.read", Action::"office.note.write"], resource is OfficeFile)
when { resource.secret && principal.aal < 2 };

@id("office.board") @reason("office.board-is-public") @record("no")
permit (principal, action == Action::"office.board.see", resource);

@id("office.demo") @reason("office.demo")
permit (principal, action == Action::"office.demo.fill", resource);
`

func TestNoPolicyNoStart(t *testing.T) {
	for _, c := range []struct{ name, action, want string }{
		{"an action nobody declared", "office.file.burn", `GET /office/file/{id} needs action "office.file.burn", which no schema declares`},
		{"no action at all", "", `GET /office/file/{id} names no action`},
		{"a group is no action", "office.write", `which no schema declares`},
		{"an action no policy permits", "office.file.lend", `which no policy permits to anybody`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gate.New(nil, gate.Options{})
			g.Room("office", []byte(officePolicy), []byte(officeSchema+`
action "office.file.lend" appliesTo { principal: Official, resource: OfficeFile };`))
			g.Require("office.file.read", "GET /office")
			g.Require(c.action, "GET /office/file/{id}")
			err := g.Seal()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if g.Bundle() != "" {
				t.Fatal("the gate opened all the same")
			}
		})
	}
}

func TestSealRefusesWhatCouldFailOpen(t *testing.T) {
	head := `@id("office.x") @reason("office.x") `
	for _, c := range []struct{ name, policy, schema, want string }{
		{"an unknown entity type", head + `permit (principal is Clerk, action == Action::"office.file.read", resource);`, "", "Clerk"},
		{"an unknown action", head + `permit (principal, action == Action::"office.file.eat", resource);`, "", "office.file.eat"},
		{"an unknown attribute", head + `forbid (principal, action == Action::"office.file.read", resource) when { resource.colour == "red" };`, "", "colour"},
		{"an unknown context key", head + `forbid (principal, action == Action::"office.file.read", resource) when { context.ip == "x" };`, "", "ip"},
		{"a comparison of different types", head + `forbid (principal, action == Action::"office.file.read", resource) when { resource.pages == "many" };`, "", "compat"},
		{"arithmetic on a word", head + `forbid (principal, action == Action::"office.file.read", resource) when { resource.post > 3 };`, "", "Long"},
		{"a set asked for a number", head + `forbid (principal, action == Action::"office.file.read", resource) when { resource.tags.contains(3) };`, "", ""},
		{"an attribute that may be missing", head + `forbid (principal, action == Action::"office.seal.break", resource) when { resource.broken };`,
			`entity OfficeSeal { broken?: Bool }; action "office.seal.break" appliesTo { principal: Official, resource: OfficeSeal };`, "broken"},
		{"a policy without id", `@reason("office.x") permit (principal, action == Action::"office.file.read", resource);`, "", "@id"},
		{"another room's id", `@id("payments.x") @reason("office.x") permit (principal, action == Action::"office.file.read", resource);`, "", "@id"},
		{"a policy without reason", `@id("office.x") permit (principal, action == Action::"office.file.read", resource);`, "", "@reason"},
		{"two policies of one id", head + `permit (principal, action == Action::"office.file.read", resource);` + head + `permit (principal, action == Action::"office.file.read", resource);`, "", "two policies"},
		{"a policy for everything", head + `permit (principal, action, resource);`, "", "name the actions"},
		{"another room's action", head + `permit (principal, action in Action::"national.decide", resource);`, "", "not one of room office"},
		{"an annotation nobody reads", head + `@recrod("no") permit (principal, action == Action::"office.file.read", resource);`, "", "@recrod"},
		{"a refusal off the record", head + `@record("no") forbid (principal, action == Action::"office.file.read", resource);`, "", "always recorded"},
		{"an action outside the room", "", `action "cert.alert.raise" appliesTo { principal: Official, resource: House };`, `does not begin with "office."`},
		{"a shared type declared again", "", `entity Official;`, "Official is declared already"},
		{"a context of its own", "", `action "office.x" appliesTo { principal: Official, resource: House, context: { now: Long } };`, "context is the gate's"},
		{"a type nobody declared", "", `entity OfficeShelf in [OfficeRoom];`, "OfficeRoom"},
		{"broken grammar", `permit (`, "", "policy.cedar"},
		{"a broken schema", "", `entity {`, "policy.cedarschema"},
		{"a subject that is no pseudonym", "", `entity OfficeOdd { subject: Long }; action "office.odd.decide" in ["national.decide"] appliesTo { principal: Official, resource: OfficeOdd };`, "national.own-case"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gate.New(nil, gate.Options{})
			g.Room("office", []byte(officePolicy+c.policy), []byte(officeSchema+c.schema))
			err := g.Seal()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAnEmptyHouseCanBeSealed(t *testing.T) {
	if err := gate.New(nil, gate.Options{}).Seal(); err != nil {
		t.Fatal(err)
	}
}

func TestTheBundleHashFollowsEveryPolicy(t *testing.T) {
	seal := func(policy string) string {
		g := gate.New(nil, gate.Options{})
		g.Room("office", []byte(policy), []byte(officeSchema))
		if err := g.Seal(); err != nil {
			t.Fatal(err)
		}
		return g.Bundle()
	}
	first, again := seal(officePolicy), seal(officePolicy)
	if first != again || first == seal(officePolicy+"// a word more\n") {
		t.Fatal("the hash is not one of the policies' text")
	}
}
