// Package scenario has what the commands of all clients share: which scenarios there are, and how each fails.
package scenario

import (
	"fmt"
	"os"
	"time"
)

// Wait bounds what a scenario waits for.
const Wait = 60 * time.Second

// Scenarios of one client. Copy ends when its process is killed.
type Scenarios struct {
	Basics       func(bootstrap, topic, group string)
	Transactions func(bootstrap, topic string)
	Copy         func(bootstrap, source, sink, group, id string)
}

// Run runs the scenario that the command line names, against the server that it names.
func Run(scenarios Scenarios) {
	name, bootstrap, arguments := os.Args[1], os.Args[2], os.Args[3:]
	switch name {
	case "basics":
		scenarios.Basics(bootstrap, arguments[0], arguments[1])
	case "transactions":
		scenarios.Transactions(bootstrap, arguments[0])
	case "copy":
		scenarios.Copy(bootstrap, arguments[0], arguments[1], arguments[2], arguments[3])
	default:
		panic("no scenario " + name)
	}
	fmt.Println("all is well")
}

// Must fails if there is an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// Check fails if what was found is not what was expected.
func Check[T comparable](what string, expected, found T) {
	if expected != found {
		panic(fmt.Sprintf("%s: %v instead of %v", what, found, expected))
	}
}
