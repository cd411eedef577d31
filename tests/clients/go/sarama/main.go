// Command sarama runs a scenario with sarama: basics, transactions, or copy.
package main

import (
	"time"

	"alluvium/tests/clients/scenario"

	"github.com/IBM/sarama"
)

func main() {
	scenario.Run(scenario.Scenarios{Basics: basics, Transactions: transactions, Copy: copyAll})
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
