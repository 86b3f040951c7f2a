package session

import "strings"

// Label is the part of a mirror's address that names it in sessions and in events: app,
// or app["eu"]. What is no mirror's address it returns as it is.
func Label(address string) string { return strings.TrimPrefix(address, "mirror.") }

// Application is the application_name of a session that works on a mirror.
func Application(address, role string) string { return "bascule/" + Label(address) + "/" + role }
