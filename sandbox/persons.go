package sandbox

import "slices"

// person is somebody who works at the pretend company.
type person struct {
	accountID, name, email string
}

var people = []person{
	newPerson("5b10a2844c20165700ede21a", "Zelda Quickfinger", "zelda.quickfinger"),
	newPerson("5b10a2844c20165700ede21b", "Ottokar Mustermann", "ottokar.mustermann"),
	newPerson("5b10a2844c20165700ede21c", "Philippa Nobody", "philippa.nobody"),
	newPerson("5b10a2844c20165700ede21d", "Ragnar Beispielson", "ragnar.beispielson"),
	newPerson("5b10a2844c20165700ede21e", "Xanthippe Example", "xanthippe.example"),
}

// bot is the account the connectors log in with.
var bot = newPerson("5b10a2844c20165700ede2ff", "Robotnik Syncbert", "robotnik.syncbert")

func newPerson(account, name, local string) person {
	return person{accountID: account, name: name, email: local + "@people.example"}
}

// somebody picks a person, the same one for the same number.
func somebody(n int64) *person { return &people[uint64(n)%uint64(len(people))] }

// Persons returns every text that identifies somebody in the answers of the
// servers: names, e-mail addresses and account ids. None of them may ever show
// up in a store, a log or a metric.
func Persons() []string {
	var all []string
	for _, p := range append(slices.Clip(people), bot) {
		all = append(all, p.accountID, p.name, p.email, p.userName(), p.linearID())
	}
	return all
}

// jiraUser is a user object as Jira sends it.
func (p *person) jiraUser(base string) map[string]any {
	return map[string]any{
		"self":         base + "/rest/api/3/user?accountId=" + p.accountID,
		"accountId":    p.accountID,
		"accountType":  "atlassian",
		"emailAddress": p.email,
		"displayName":  p.name,
		"active":       true,
		"timeZone":     "Europe/Berlin",
		"avatarUrls":   map[string]any{"48x48": base + "/avatar/" + p.accountID},
	}
}

func (p *person) linearID() string { return uuid("person %s", p.accountID) }
