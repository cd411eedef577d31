// Command franz runs a scenario with franz-go: basics, transactions, or copy.
package main

import (
	"context"

	"alluvium/tests/clients/scenario"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), scenario.Wait)
	defer cancel()
	scenario.Run(scenario.Scenarios{
		Basics:       func(bootstrap, topic, group string) { basics(ctx, bootstrap, topic, group) },
		Transactions: func(bootstrap, topic string) { transactions(ctx, bootstrap, topic) },
		Copy: func(bootstrap, source, sink, group, id string) {
			copyAll(context.Background(), bootstrap, source, sink, group, id)
		},
	})
}
