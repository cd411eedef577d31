// Command franz runs a scenario with franz-go: basics, transactions, or copy.
package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

const wait = 60 * time.Second

func main() {
	scenario, bootstrap, arguments := os.Args[1], os.Args[2], os.Args[3:]
	switch scenario {
	case "basics":
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		basics(ctx, bootstrap, arguments[0], arguments[1])
	case "transactions":
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		transactions(ctx, bootstrap, arguments[0])
	case "copy":
		copyAll(context.Background(), bootstrap, arguments[0], arguments[1], arguments[2], arguments[3])
	default:
		panic("no scenario " + scenario)
	}
	fmt.Println("all is well")
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
