// Command sarama runs a scenario with sarama: basics, transactions, or copy.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
)

const wait = 60 * time.Second

func main() {
	scenario, bootstrap, arguments := os.Args[1], os.Args[2], os.Args[3:]
	switch scenario {
	case "basics":
		basics(bootstrap, arguments[0], arguments[1])
	case "transactions":
		transactions(bootstrap, arguments[0])
	case "copy":
		copyAll(bootstrap, arguments[0], arguments[1], arguments[2], arguments[3])
	default:
		panic("no scenario " + scenario)
	}
	fmt.Println("all is well")
}

func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 3 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	return config
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check[T comparable](what string, expected, found T) {
	if expected != found {
		panic(fmt.Sprintf("%s: %v instead of %v", what, found, expected))
	}
}
